"""The published schemas match the code, and no change may break readers or writers."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from schemas.codec import encode
from schemas.errors import IncompatibleSchema
from schemas.publishing.compatibility import breaks
from schemas.publishing.publish import PUBLISHED, documents, write
from schemas.topics import TOPICS
from tests.builders import click, item


def schema() -> dict:
    return json.loads((PUBLISHED / "interactions.json").read_text())


def test_the_published_files_match_the_code() -> None:
    for name, document in documents().items():
        assert json.loads((PUBLISHED / name).read_text()) == json.loads(json.dumps(document)), (
            f"{name}: run `make schemas`"
        )


def test_published_schemas_accept_valid_messages_and_refuse_invalid_ones() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(json.loads(encode(click("ann", "war-0"))))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"type": "click", "user_id": "ann"})
    jsonschema.validate(json.loads(encode(item("war-0", "war"))), json.loads((PUBLISHED / "items.json").read_text()))


def test_the_asyncapi_document_names_every_topic_and_its_payload() -> None:
    document = json.loads((PUBLISHED / "asyncapi.json").read_text())
    assert document["asyncapi"].startswith("3.")
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    for name, channel in document["channels"].items():
        assert (PUBLISHED / channel["messages"][name]["payload"]["$ref"].removeprefix("./")).is_file()


def breaks_after(change) -> list[str]:  # type: ignore[no-untyped-def]
    new = copy.deepcopy(schema())
    change(new["$defs"]["Click"])
    return breaks(schema(), new)


@pytest.mark.parametrize(
    "change",
    [
        lambda click: click["required"].append("session_id"),
        lambda click: click["properties"].pop("session_id"),
        lambda click: click["properties"]["event_time"].update(type="string"),
        lambda click: click["properties"]["user_id"].update(maxLength=10),
        lambda click: click["properties"]["user_id"].update(minLength=3),
        lambda click: click["properties"]["type"].update(enum=["clicked"]),
    ],
)
def test_a_change_that_breaks_readers_or_writers_is_reported(change) -> None:  # type: ignore[no-untyped-def]
    assert breaks_after(change)


def test_a_removed_variant_is_reported() -> None:
    new = copy.deepcopy(schema())
    new["anyOf"] = [member for member in new["anyOf"] if not member["$ref"].endswith("/Click")]
    assert breaks(schema(), new) == ["$: variant click was removed"]


def test_the_definition_of_a_variant_may_be_renamed() -> None:
    new = json.loads(json.dumps(schema()).replace("#/$defs/Click", "#/$defs/Tap"))
    new["$defs"]["Tap"] = new["$defs"].pop("Click")
    assert breaks(schema(), new) == []


def test_an_added_optional_field_is_compatible() -> None:
    assert breaks_after(lambda click: click["properties"].update(mood={"type": "string"})) == []


def test_publishing_refuses_an_incompatible_change_and_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    published = json.loads((tmp_path / "interactions.json").read_text())
    published["$defs"]["Click"]["properties"]["mood"] = {"type": "string"}
    (tmp_path / "interactions.json").write_text(json.dumps(published))
    with pytest.raises(IncompatibleSchema, match="field mood was removed"):
        write(tmp_path)
    assert json.loads((tmp_path / "interactions.json").read_text()) == published

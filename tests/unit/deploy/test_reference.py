"""Generated pages of a schema, a setting and a command, on small values."""

from __future__ import annotations

from deploy.reference.fields import fields, messages, type_of
from deploy.reference.markdown import table
from deploy.reference.settings import settings_page
from deploy.reference.topics import topics_page


def test_a_cell_cannot_break_out_of_its_table() -> None:
    assert table(["a"], [["one | two\nthree"]]).splitlines()[-1] == "| one \\| two three |"


def test_mandatory_fields_are_marked_and_others_have_their_default() -> None:
    schema = {"properties": {"id": {"type": "string"}, "n": {"type": "integer", "default": 3}}, "required": ["id"]}
    assert fields(schema).splitlines()[2:] == ["| `id` | text | required |  |", "| `n` | whole number | `3` |  |"]


def test_bounds_are_part_of_a_type() -> None:
    assert type_of({"type": "number", "minimum": 0, "maximum": 1}) == "number (≥ 0, ≤ 1)"
    assert type_of({"type": "string", "maxLength": 256}) == "text (length ≤ 256)"


def test_the_alternatives_of_a_union_come_before_their_parts() -> None:
    shape = {"type": "object", "properties": {}}
    schema = {"anyOf": [{"$ref": "#/$defs/Second"}], "$defs": {"First": shape, "Second": shape}}
    assert messages(schema, level=3).index("Second") < messages(schema, level=3).index("First")


def test_no_secret_and_no_type_of_python_is_on_the_page_of_settings() -> None:
    page = settings_page()
    assert "SecretStr" not in page
    assert "typing." not in page
    assert "<class" not in page


def test_no_regular_expression_is_on_the_page_of_messages() -> None:
    assert "(?!" not in topics_page()

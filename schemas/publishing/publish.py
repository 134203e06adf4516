"""The published contract: one JSON Schema per topic and an AsyncAPI 3 document, generated from the message types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import IncompatibleSchema
from schemas.publishing.compatibility import breaks
from schemas.topics import TOPICS, Topic

PUBLISHED = Path(__file__).parent.parent / "published"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def topic_schema(topic: Topic) -> dict[str, Any]:
    """Return the JSON Schema of a topic's values."""
    return {"$schema": DIALECT, "title": topic.name, "description": topic.summary, **msgspec.json.schema(topic.value)}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of all topics: applications send to the inputs and receive from the rest."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lifelong",
            "version": "1.0.0",
            "description": "Events in, recommendations out. Keys are the user id unless the channel says otherwise.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {_operation_name(topic): _operation(topic) for topic in TOPICS},
    }


_INPUTS = frozenset({"interactions", "instructions", "erasures", "rank-requests", "occasions", "items"})


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"{topic.summary}; keyed by {topic.key}, cleanup.policy={topic.cleanup}",
        "messages": {
            topic.name: {
                "name": topic.name,
                "contentType": "application/json",
                "payload": {"$ref": f"./{topic.name}.json"},
                "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic.name in _INPUTS else 'send'}-{topic.name}"


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "receive" if topic.name in _INPUTS else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": topic.summary,
    }


def documents() -> dict[str, dict[str, Any]]:
    """Return every published document by file name, as the code defines it."""
    schemas = {f"{topic.name}.json": topic_schema(topic) for topic in TOPICS}
    return schemas | {"asyncapi.json": asyncapi()}


def write(folder: Path = PUBLISHED) -> list[str]:
    """Write the documents that changed, and return the names of their files.

    Raises:
        IncompatibleSchema: a message type changed in a way that breaks its readers or writers; nothing is written.
    """
    current = documents()
    problems = [f"{name} {line}" for name, doc in current.items() for line in _breaks_published(folder / name, doc)]
    if problems:
        raise IncompatibleSchema("\n".join([*problems, "add an optional field, or a new topic, instead"]))
    folder.mkdir(exist_ok=True)
    changed = [name for name, doc in current.items() if _text(doc) != _read(folder / name)]
    for name in changed:
        (folder / name).write_text(_text(current[name]))
    return changed


def _breaks_published(path: Path, document: dict[str, Any]) -> list[str]:
    text = _read(path)
    return breaks(json.loads(text), document) if text else []


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""

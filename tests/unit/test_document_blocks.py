"""Every block of the documents names its language, and blocks that do not run against servers are checked here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from deploy.settings import load_settings
from schemas.codec import decode
from schemas.instructions import Instruction
from schemas.topics import ERASURES, EXTERNAL_SIGNALS, INSTRUCTIONS, INTERACTIONS
from tests.documents import ROOT, Block, blocks

LANGUAGES = {"sh", "python", "pycon", "toml", "json", "text"}
"""sh and python are run by tests/e2e/test_documents.py, pycon by doctest; text is a diagram or output."""


def test_every_block_names_its_language() -> None:
    assert [block.name for block in blocks() if block.language not in LANGUAGES] == []


def test_documents_have_blocks_to_run() -> None:
    assert len(blocks("sh")) >= 14
    assert len(blocks("python")) >= 5
    assert {block.language for block in blocks(of=[ROOT / "README.md"])} >= {"sh", "python", "json", "text"}


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_pasted_settings_load(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = block.text.replace("/etc/ssl/", f"{tmp_path}/")
    for name in re.findall(r'/([^/"]+\.pem)"', text):
        (tmp_path / name).touch()
    (tmp_path / "lifelong.toml").write_text(text)
    load_settings(with_endpoints=False)


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.name)
def test_json_blocks_are_valid_records(block: Block) -> None:
    tags = {str(kind.__struct_config__.tag) for kind in get_args(Instruction)}
    value = json.loads(block.text)
    kinds = {INSTRUCTIONS: value.get("type") in tags, EXTERNAL_SIGNALS: "scope" in value, ERASURES: "type" not in value}
    topic = next((topic for topic, is_it in kinds.items() if is_it), INTERACTIONS)
    assert decode(topic, block.text.encode(), now=2e9)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.name)
def test_python_blocks_compile(block: Block) -> None:
    compile(block.text, block.name, "exec")

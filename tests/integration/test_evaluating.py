"""`lifelong evaluate` on a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.cli.evaluation import evaluate
from deploy.clients import make_cluster, make_publisher
from deploy.settings import KafkaSettings, Settings, load_settings
from deploy.topics import create_topics
from schemas.codec import encode
from schemas.topics import RANKING_LOG
from streams.log.kafka_admin import KafkaAdmin
from tests.unit.deploy.exploration_fixtures import lists, log

pytestmark = pytest.mark.servers


@pytest.fixture
def settings(kafka_server: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in kafka_server.model_dump().items():
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        monkeypatch.setenv(f"LIFELONG_KAFKA__{name.upper()}", text)
    monkeypatch.setenv("LIFELONG_TOPICS__PREFIX", "evaluating.")
    monkeypatch.setenv("LIFELONG_DATA_DIR", str(tmp_path))
    return load_settings()


def test_the_stacks_ranking_log_is_evaluated_and_exported(settings: Settings, tmp_path: Path) -> None:
    create_topics(settings, KafkaAdmin(make_cluster(settings)))
    publisher = make_publisher(settings)
    for entry in log():
        publisher.send(RANKING_LOG, entry.user_id, encode(entry))
    publisher.flush()

    def run(*words: str) -> Any:
        app = typer.Typer()
        evaluate.register(app)
        done = CliRunner().invoke(app, ["evaluate", *words])
        assert done.exit_code == 0, done.output
        return done.output

    options = ("--target", "uniform", "--by", "place", "--json")
    evaluated = json.loads(run("policy", *options))
    assert evaluated["ranking_log"]["lists"] == len(lists())
    exported = tmp_path / "log.jsonl"
    run("export", str(exported))
    assert json.loads(run("policy", str(exported), *options)) == evaluated

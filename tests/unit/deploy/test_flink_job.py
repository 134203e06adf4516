"""The job of item statistics: what it connects to, and from which state it goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.clients import user_group, user_scope
from deploy.embedded import flink, jars
from deploy.embedded.stack import FLINK_NAMES, Stack
from deploy.flink.job import FlinkJobError, make_job, make_user_job, newest_state
from deploy.flink.tables import client_options
from deploy.flink.user_task import settings_of, settings_text
from deploy.settings import KafkaSettings, RedisSettings, Settings, StatisticsSettings, WorkerSettings
from streams.log.kafka_client import Cluster
from streams.state.partition_store import PEOPLE, PROJECTED_PEOPLE


def test_a_login_is_passed_on_as_java_reads_it() -> None:
    cluster = Cluster("b:1", "SASL_SSL", "SCRAM-SHA-512", 'us"er', "pass\\word", ssl_ca_location="/ca.pem")
    options = client_options(cluster)
    assert options["properties.sasl.jaas.config"].endswith(
        'ScramLoginModule required username="us\\"er" password="pass\\\\word";'
    )
    assert options["properties.ssl.truststore.location"] == "/ca.pem"


def test_a_broker_without_a_login_is_asked_without() -> None:
    assert set(client_options(Cluster("b:1"))) == {"properties.bootstrap.servers", "properties.security.protocol"}


def test_the_job_goes_on_from_the_newest_complete_state(tmp_path: Path) -> None:
    assert newest_state(tmp_path) is None
    for number, name in enumerate(("checkpoints/j1/chk-3", "savepoints/savepoint-1", "checkpoints/j2/chk-1")):
        state = tmp_path / name
        state.mkdir(parents=True)
        (state / "_metadata").touch()
        os.utime(state / "_metadata", (number, number))
    (tmp_path / "checkpoints/j2/chk-2").mkdir()
    assert newest_state(tmp_path) == tmp_path / "checkpoints/j2/chk-1"


def test_without_a_cluster_the_job_says_how_to_start_one(tmp_path: Path) -> None:
    for make in (make_job, make_user_job):
        with pytest.raises(FlinkJobError, match="lifelong up --engine flink"):
            make(Settings(kafka=KafkaSettings(bootstrap="b:1")), tmp_path)


def test_flink_is_started_only_where_it_aggregates(tmp_path: Path) -> None:
    def names(**more: StatisticsSettings | WorkerSettings) -> set[str]:
        settings = Settings(**more).model_copy(update={"data_dir": tmp_path})
        return {server.name for server in Stack(settings, cache_dir=tmp_path).embedded()}

    assert not names() & FLINK_NAMES
    assert names(statistics=StatisticsSettings(engine="flink")) >= FLINK_NAMES
    assert names(worker=WorkerSettings(engine="flink")) >= FLINK_NAMES


def test_the_engine_of_the_last_start_is_kept(tmp_path: Path) -> None:
    (tmp_path / "endpoints.toml").write_text('[statistics]\nengine = "flink"\n[worker]\nengine = "flink"\n')
    kept = Settings().model_copy(update={"data_dir": tmp_path})
    other = kept.model_copy(update={"statistics": StatisticsSettings(engine="python")})
    assert Stack(kept).base.statistics.engine == "flink"
    assert Stack(kept).base.worker.engine == "flink"
    assert Stack(other).base.statistics.engine == "python"


def test_settings_travel_to_the_tasks_as_they_are_whatever_the_environment_there_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Settings(
        redis=RedisSettings(url=SecretStr("redis://:secret@r:1/0")), worker={"batch_max": 7}, data_dir=tmp_path
    )
    monkeypatch.setenv("LIFELONG_WORKER__BATCH_MAX", "9")
    arrived = settings_of(settings_text(sent))
    assert arrived.worker.batch_max == 7
    assert arrived.redis.url.get_secret_value() == "redis://:secret@r:1/0"
    assert arrived.data_dir == tmp_path


def test_readers_of_users_follow_the_engine() -> None:
    flink = Settings(worker=WorkerSettings(engine="flink"))
    assert (user_scope(Settings()), user_scope(flink)) == (PEOPLE, PROJECTED_PEOPLE)
    assert (user_group(Settings()), user_group(flink)) == ("lifelong-worker", "lifelong-worker-flink")


def test_the_committed_lock_has_the_jars_that_a_job_needs(tmp_path: Path) -> None:
    locked = jars.read_lock(flink.JARS_LOCK)
    assert set(locked) == {flink.connector(tmp_path).name, flink.sql_runner(tmp_path).name}
    assert {len(digest) for digest in locked.values()} == {64}

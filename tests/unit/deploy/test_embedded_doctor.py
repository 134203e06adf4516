"""The doctor names problems and what to do about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.embedded import doctor
from deploy.embedded.doctor import Check
from deploy.embedded.server import Download, StackError
from deploy.embedded.status import StatusRow
from deploy.embedded.triton import seed_models
from deploy.flink.jobs import JobRow


def row(**changes: object) -> StatusRow:
    values = {"name": "redis", "state": "running", "pid": 7, "uptime_seconds": 1.0, "endpoint": "127.0.0.1:6379"}
    return StatusRow(**(values | {"problem": "", "memory_mb": 4, "log": "/l/redis.log"} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "level"),
    [
        (doctor.check_platform("Linux", "x86_64"), "ok"),
        (doctor.check_platform("Linux", "aarch64"), "problem"),
        (doctor.check_glibc("2.35"), "ok"),
        (doctor.check_glibc("2.31"), "problem"),
        (doctor.check_python((3, 11)), "ok"),
        (doctor.check_python((3, 13)), "problem"),
        (doctor.check_disk(10_000, []), "ok"),
        (doctor.check_disk(10_000, [Download("a lot", 9_000)]), "problem"),
        (doctor.check_memory(500, running=False), "warning"),
        (doctor.check_memory(500, running=True), "ok"),
        (doctor.check_packages([]), "ok"),
        (doctor.check_packages(["milvus"]), "problem"),
        (doctor.check_kernels(installed=True), "ok"),
        (doctor.check_kernels(installed=False), "warning"),
        (doctor.check_caches([]), "ok"),
        (doctor.check_caches([Download("jars", 44)]), "warning"),
        (doctor.check_ports({}), "ok"),
        (doctor.check_ports({"6379 (redis)": "redis-server (pid 7)"}), "problem"),
        (doctor.check_data_dir(Path("/d"), writeable=True), "ok"),
        (doctor.check_data_dir(Path("/d"), writeable=False), "problem"),
        (doctor.check_python_library(installed=False), "warning"),
        (doctor.check_milvus_network("private", ""), "ok"),
        (doctor.check_milvus_network("loopback", ""), "ok"),
        (doctor.check_milvus_network("exposed", ""), "warning"),
        (doctor.check_milvus_network("", "Milvus is not started"), "problem"),
        (doctor.check_reach([], {6379: "redis"}, []), "ok"),
        (doctor.check_reach(["10.0.0.7"], {6379: "redis"}, []), "ok"),
        (doctor.check_reach(["10.0.0.7"], {6379: "redis"}, [("10.0.0.7", 6379)]), "problem"),
        (doctor.check_reach(["10.0.0.7"], {8080: "gateway"}, [("10.0.0.7", 8080)], {"gateway"}), "ok"),
        (doctor.check_reach(["10.0.0.7"], {8080: "gateway"}, [("10.0.0.7", 8080)]), "problem"),
        (doctor.check_server(row()), "ok"),
        (doctor.check_job(JobRow("users", "running", tasks=1), "worker"), "ok"),
        (doctor.check_job(JobRow("users", "restarting"), "worker"), "problem"),
        (doctor.check_job(JobRow("users", "not running"), "worker"), "problem"),
        (doctor.check_server(row(problem="PING failed")), "problem"),
        (doctor.check_server(row(state="stopped", pid=0, problem="not running")), "ok"),
        (doctor.check_server(row(state="external", pid=0, problem="PING failed", log="")), "problem"),
    ],
)
def test_each_finding_has_its_level_and_problems_a_remedy(check: Check, level: str) -> None:
    assert check.level == level
    assert bool(check.do) == (level != "ok")


def test_the_process_that_uses_a_port_is_named() -> None:
    assert "redis-server (pid 7)" in doctor.check_ports({"6379 (redis)": "redis-server (pid 7)"}).says


def test_a_newer_version_installs_its_model_and_keeps_learned_weights(tmp_path: Path) -> None:
    seed, models = tmp_path / "seed", tmp_path / "models"
    (seed / "ranker" / "1").mkdir(parents=True)
    (seed / "ranker" / "config.pbtxt").write_text("shipped")
    (seed / "ranker" / "1" / "model.py").write_text("shipped")
    (models / "ranker").mkdir(parents=True)
    (models / "ranker" / "weights.npz").write_bytes(b"learned")
    (models / "ranker" / "config.pbtxt").write_text("of an older version")
    seed_models(seed, models)
    seed_models(seed, models)
    assert (models / "ranker" / "weights.npz").read_bytes() == b"learned"
    assert (models / "ranker" / "config.pbtxt").read_text() == "shipped"
    assert (models / "ranker" / "config.pbtxt.before").read_text() == "of an older version"
    assert (models / "ranker" / "1" / "model.py").read_text() == "shipped"


def test_a_repository_without_the_ranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no model 'ranker'"):
        seed_models(tmp_path / "empty", tmp_path / "models")

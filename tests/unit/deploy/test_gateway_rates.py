"""Limits of keys, each with the headers that say what is left, and the audit log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.gateway.access.audit import AuditEntry, AuditLog, PrivateFile
from deploy.gateway.access.callers import Caller, Limits
from deploy.gateway.access.key_file import KeyFile, write_keys
from deploy.gateway.access.key_ring import KeyRing
from deploy.gateway.access.keys import new_key, new_signing_key
from deploy.gateway.access.quotas import QuotaFile, read_usage
from deploy.gateway.access.rates import DAY_SECONDS, RateLimiter, burst_of
from deploy.gateway.limits import MAX_AUDIT_QUEUE, MAX_AUDITED_IDS, MAX_RATED_CALLERS
from deploy.gateway.problems import Problem
from schemas.ids import DEFAULT_USER
from schemas.topics import INTERACTIONS
from tests.unit.deploy.gateway_fixtures import KEY, GatewayFixture, access_of, build, running

CLICK = {"type": "click", "user_id": "ann", "item_id": "i1"}
LIST = "/v1/recommendations/ann"


class Clock:
    """A clock that a test sets; one value for wall and monotonic time."""

    def __init__(self, now: float = 10 * DAY_SECONDS) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def gateway_with(folder: Path, clock: Clock, limits: Limits, **more: Any) -> tuple[GatewayFixture, str]:
    key, presented = new_key("shop", scopes=("ingest", "lists", "tokens"), now=0.0, limits=limits)
    write_keys(folder / "keys.json", KeyFile(keys=(key,)))
    ring = KeyRing((KEY,), folder / "keys.json", clock=clock, monotonic=clock)
    gateway = build(access=access_of(clock, ring, **more))
    gateway.publish(DEFAULT_USER, 1)
    return gateway, presented


# Requests per second


def test_beyond_its_rate_a_key_is_refused_until_the_time_that_the_answer_names(tmp_path: Path) -> None:
    clock = Clock()
    gateway, key = gateway_with(tmp_path, clock, Limits(per_second=0.5, burst=3))
    with running(gateway):
        headers = {"X-API-Key": key}
        answers = [gateway.client.get(LIST, headers=headers) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        refused = answers[-1]
        assert (refused.json()["reason"], refused.headers["Retry-After"]) == ("rate-limited", "2")
        assert refused.headers["RateLimit-Policy"] == '"rate";q=3;w=6'
        assert (refused.headers["RateLimit-Limit"], refused.headers["RateLimit-Reset"]) == ("3", "6")
        clock.now += 2.0
        assert [gateway.client.get(LIST, headers=headers).status_code for _ in range(2)] == [200, 429]
        assert gateway.client.get(LIST, headers={"X-API-Key": KEY}).status_code == 200


def test_a_key_without_limits_gets_no_headers_about_them(tmp_path: Path) -> None:
    gateway, key = gateway_with(tmp_path, Clock(), Limits())
    with running(gateway):
        answer = gateway.client.get(LIST, headers={"X-API-Key": key})
        assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]


@given(
    st.floats(0.1, 50.0),
    st.integers(1, 20),
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
)
def test_no_interval_admits_more_than_its_share_and_the_burst(rate: float, burst: int, waits: list[float]) -> None:
    clock = Clock(0.0)
    limiter = RateLimiter(clock=clock, monotonic=clock)
    caller = Caller(key="k", application="a", scopes=frozenset(), limits=Limits(per_second=rate, burst=burst))
    admitted: list[float] = []
    waits_named: list[int] = []
    for wait in waits:
        clock.now += wait
        try:
            limiter.admit(caller)
        except Problem as problem:
            waits_named.append(int(problem.headers["Retry-After"]))
        else:
            admitted.append(clock.now)
    assert all(seconds >= 1 for seconds in waits_named)
    for first, begin in enumerate(admitted):
        for count, end in enumerate(admitted[first:], 1):
            assert count <= burst + rate * (end - begin) + 1e-6


def test_usage_of_users_is_bounded_and_that_of_keys_stays() -> None:
    clock = Clock()
    limiter = RateLimiter(clock=clock, monotonic=clock)
    limits = Limits(per_second=1.0, per_day=10)
    key = Caller(key="k", application="a", scopes=frozenset(), limits=limits)
    limiter.admit(key)
    for number in range(MAX_RATED_CALLERS + 10):
        limiter.admit(Caller(key="k", application="a", user=f"u{number}", scopes=frozenset(), limits=limits))
    assert len(limiter._usage) == MAX_RATED_CALLERS
    assert limiter.used_today("k") == 1


# Values per day


def test_a_quota_counts_reads_and_posted_values_until_midnight(tmp_path: Path) -> None:
    clock = Clock(10 * DAY_SECONDS + 3_600.0)
    gateway, key = gateway_with(tmp_path, clock, Limits(per_day=10))
    with running(gateway):
        headers = {"X-API-Key": key}
        assert gateway.client.get(LIST, headers=headers).headers["RateLimit-Remaining"] == "9"
        accepted = gateway.client.post("/v1/interactions", json=[CLICK] * 7, headers=headers)
        assert (accepted.status_code, accepted.headers["RateLimit-Remaining"]) == (202, "2")
        refused = gateway.client.post("/v1/interactions", json=[CLICK] * 5, headers=headers)
        assert (refused.status_code, refused.json()["reason"]) == (429, "quota-exceeded")
        assert refused.headers["Retry-After"] == str(DAY_SECONDS - 3_600)
        assert refused.headers.get_list("RateLimit-Remaining") == ["1"]
        assert len(gateway.records(INTERACTIONS)) == 7
        clock.now = 11 * DAY_SECONDS
        assert gateway.client.post("/v1/interactions", json=[CLICK] * 5, headers=headers).status_code == 202


def test_a_quota_outlives_a_restart_and_not_its_day(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "quotas.json"
    caller = Caller(key="k", application="a", scopes=frozenset(), limits=Limits(per_day=10, per_second=5.0))
    unlimited = Caller(key="other", application="a", scopes=frozenset(), limits=Limits(per_second=5.0))
    first = RateLimiter(clock=clock, monotonic=clock)
    file = QuotaFile(path, first.day_usage)
    file.start()
    first.admit(caller)
    first.charge(caller, 6)
    first.admit(unlimited)
    file.close(5.0)
    assert read_usage(path).used == {"k": 7}
    assert path.stat().st_mode & 0o777 == 0o600
    second = RateLimiter(clock=clock, monotonic=clock, before=read_usage(path))
    second.admit(caller)
    assert second.used_today("k") == 8
    with pytest.raises(Problem, match="used 8"):
        second.charge(caller, 3)
    clock.now += DAY_SECONDS
    assert second.used_today("k") == 0
    second.charge(caller, 10)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"day": "x"}'])
def test_damaged_quotas_begin_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "quotas.json").write_bytes(content)
    assert read_usage(tmp_path / "quotas.json").used == {}


def test_the_headers_are_those_of_the_limit_that_is_nearest_to_its_end() -> None:
    clock = Clock()
    limiter = RateLimiter(clock=clock, monotonic=clock)
    caller = Caller(key="k", application="a", scopes=frozenset(), limits=Limits(per_second=100.0, per_day=4))
    headers = limiter.admit(caller)
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("4", "3")
    assert headers["RateLimit-Policy"] == '"rate";q=100;w=1, "quota";q=4;w=86400'
    assert burst_of(caller.limits) == 100.0


def test_each_user_with_a_token_has_a_rate_of_its_own(tmp_path: Path) -> None:
    clock = Clock()
    gateway, key = gateway_with(tmp_path, clock, Limits(), user_limits=Limits(per_second=1.0, burst=1))
    stored = msgspec.json.decode((tmp_path / "keys.json").read_bytes(), type=KeyFile)
    write_keys(tmp_path / "keys.json", KeyFile(keys=stored.keys, signing=(new_signing_key(now=0.0),)))
    clock.now += 5.0
    with running(gateway):
        statuses = {}
        for user in ("ann", "bob"):
            token = gateway.client.post("/v1/tokens", json={"user_id": user}, headers={"X-API-Key": key}).json()[
                "token"
            ]
            headers = {"Authorization": f"Bearer {token}"}
            answers = [gateway.client.get(f"/v1/recommendations/{user}", headers=headers) for _ in range(2)]
            statuses[user] = [answer.status_code for answer in answers]
    assert statuses == {"ann": [200, 429], "bob": [200, 429]}


# The audit log


def audited(folder: Path, clock: Clock, requests: Any, **more: Any) -> list[dict[str, Any]]:
    path = folder / "audit.jsonl"
    gateway, key = gateway_with(folder, clock, Limits(), audit=AuditLog(path, megabytes=10.0, files=2), **more)
    with running(gateway):
        requests(gateway.client, key)
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_audit_log_says_who_did_what_to_whom_and_never_a_secret(tmp_path: Path) -> None:
    presented: list[str] = []

    def requests(client: Any, key: str) -> None:
        presented.append(key)
        client.get(LIST, headers={"X-API-Key": key})
        client.get("/v1/users/ann/memories", headers={"X-API-Key": key})
        users = [CLICK | {"user_id": f"u{number}"} for number in range(30)]
        client.post("/v1/interactions", json=users, headers={"X-API-Key": key})
        client.get(LIST, headers={"X-API-Key": "wrong-key"})
        client.get("/health/live")
        client.get("/nowhere")

    entries = audited(tmp_path, Clock(), requests)
    key_id = presented[0].split("_")[1]
    assert [(e["action"], e["key"], e["status"], e.get("reason", "")) for e in entries] == [
        ("GET /v1/recommendations/{user_id}", key_id, 200, ""),
        ("GET /v1/users/{user_id}/memories", key_id, 403, "missing-scope"),
        ("POST /v1/interactions", key_id, 202, ""),
        ("GET /v1/recommendations/{user_id}", "", 401, "unauthorized"),
    ]
    assert (entries[0]["of"], entries[0]["application"], entries[0]["time"]) == (["ann"], "shop", 10 * DAY_SECONDS)
    assert (len(entries[2]["of"]), entries[2]["count"]) == (MAX_AUDITED_IDS, 30)
    log = (tmp_path / "audit.jsonl").read_text()
    assert presented[0].split("_", 2)[2] not in log
    assert "wrong-key" not in log
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_reads_of_lists_can_be_left_out_and_refusals_stay(tmp_path: Path) -> None:
    def requests(client: Any, key: str) -> None:
        client.get(LIST, headers={"X-API-Key": key})
        client.get("/v1/items/i1/similar", headers={"X-API-Key": key})
        client.get("/v1/recommendations/%00", headers={"X-API-Key": key})

    entries = audited(tmp_path, Clock(), requests, audited="people")
    assert [(entry["action"], entry["status"]) for entry in entries] == [
        ("GET /v1/items/{item_id}/similar", 404),
        ("GET /v1/recommendations/{user_id}", 422),
    ]


def test_callers_without_a_key_cannot_fill_the_audit_log(tmp_path: Path) -> None:
    def requests(client: Any, key: str) -> None:
        for _ in range(50):
            client.get(LIST)

    assert len(audited(tmp_path, Clock(), requests)) == 10


@pytest.mark.parametrize("user", ["line\nbreak", "\x1b[2J", "\u202eann", '"quoted"'])
def test_an_entry_is_one_line_whatever_its_ids(tmp_path: Path, user: str) -> None:
    log = AuditLog(tmp_path / "audit.jsonl", megabytes=1.0, files=2)
    log.start()
    log.put(AuditEntry(time=1.0, key="k", action="GET", of=(user,), status=200))
    assert log.close(5.0)
    [line] = (tmp_path / "audit.jsonl").read_text().split("\n")[:-1]
    assert json.loads(line)["of"] == [user]
    assert line.isprintable()


def test_the_audit_log_is_rotated_and_its_files_stay_private(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl", megabytes=0.01, files=3)
    log.start()
    for number in range(1_000):
        log.put(AuditEntry(time=float(number), key="k", action="GET /v1/recommendations/{user_id}", status=200))
    assert log.close(10.0)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert all(file.stat().st_size <= 10_000 for file in files)
    assert json.loads(files[0].read_text().splitlines()[-1])["time"] == 999.0


def test_entries_that_the_disk_is_too_slow_for_are_dropped_and_counted(tmp_path: Path) -> None:
    dropped: list[int] = []
    log = AuditLog(tmp_path / "audit.jsonl", megabytes=100.0, files=2, dropped=lambda: dropped.append(1))
    for number in range(MAX_AUDIT_QUEUE + 3):
        log.put(AuditEntry(time=float(number), key="k", action="GET", status=200))
    assert len(dropped) == 3
    log.start()
    assert log.close(10.0)
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == MAX_AUDIT_QUEUE


def test_lines_of_the_audit_log_that_a_disk_refuses_are_lost_and_counted_and_later_ones_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit.jsonl"
    file = PrivateFile(path, maxBytes=1_000, backupCount=1, encoding="utf-8", delay=True)
    for _ in range(2):
        path.mkdir()
        assert [file.write_lines(["a", "b"]), file.write_lines(["c"])] == [2, 1]
        path.rmdir()
        assert file.write_lines(["d"]) == 0
        assert path.read_text() == "d\n"
        file.close()
        path.unlink()
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"], "once each time that it is refused"


def test_ids_of_many_bytes_keep_the_audit_log_within_its_size(tmp_path: Path) -> None:
    file = PrivateFile(tmp_path / "audit.jsonl", maxBytes=100, backupCount=1, encoding="utf-8", delay=True)
    assert file.write_lines(["映" * 20] * 3) == 0
    file.close()
    assert max(path.stat().st_size for path in tmp_path.iterdir()) <= 100

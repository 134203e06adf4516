"""External knowledge on the command line: tables of facts, holidays, trends, and what is believed."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from deploy.cli.app import make_app
from deploy.cli.signals.app import said_of
from deploy.cli.signals.facts_file import FactsFile, load_facts
from deploy.connectors.holiday_calendar import UnknownPlace, holiday_signal
from deploy.connectors.trend_feed import trend_signals
from deploy.files.errors import Refused, UnreadableFile
from deploy.files.facts import FactFileOptions, parse_facts_map, read_facts
from schemas.codec import decode, encode
from schemas.signals import ExternalSignal, signal_key
from schemas.topics import EXTERNAL_SIGNALS
from streams.log.records import Inbound
from tests.builders import START
from tests.unit.streams.backtest_logs import generated

NOW = 1.8e9


def read(path: Path, text: str, **options: Any) -> tuple[list[ExternalSignal], Refused, Refused]:
    path.write_text(text)
    refused, left_out = Refused(), Refused()
    signals = list(read_facts(path, FactFileOptions(**options), now=NOW).signals(refused, left_out))
    return signals, refused, left_out


def said(signal: ExternalSignal) -> list[tuple[str, object]]:
    return [(fact.attribute, fact.value) for fact in signal.facts]


def test_a_table_has_a_row_an_item_and_its_columns_are_attributes(tmp_path: Path) -> None:
    text = (
        "item,title,release_date,director,length\ni1,Heat,1995-12-15,Michael Mann|Unknown,170\ni2,Up,,,\n,No id,,X,1\n"
    )
    [heat, up], refused, _ = read(tmp_path / "Film Facts.csv", text, trust=0.8)
    assert (heat.subject, heat.source, heat.trust, heat.recorded_at) == ("i1", "film-facts", 0.8, NOW)
    assert said(heat) == [
        ("director", "Michael Mann"),
        ("director", "Unknown"),
        ("length", 170.0),
        ("released", 818985600.0),
    ]
    assert (up.facts, refused.reasons) == ((), {"no subject": 1})


def test_lists_of_parquet_are_several_facts_and_times_are_seconds(tmp_path: Path) -> None:
    table = pa.table({"id": ["i1"], "cast": [["A. B.", "C, D", "A. B."]], "released": [1433808000], "seen": [True]})
    pq.write_table(table, tmp_path / "f.parquet")
    [signal] = read_facts(tmp_path / "f.parquet", FactFileOptions(), now=NOW).signals(Refused(), Refused())
    assert said(signal) == [("cast", "A. B."), ("cast", "C, D"), ("seen", True), ("released", 1433808000.0)]


def test_a_table_may_have_a_row_a_fact_with_source_trust_and_validity(tmp_path: Path) -> None:
    text = (
        "place,who,sure,what,is,begin,end\n"
        "DE,met-office,0.9,weather,snow,2026-01-01,2026-01-03\n"
        "DE,met-office,0.9,weather,rain,2026-01-03,2026-01-01\n"
        "DE,rumour,0.1,weather,sun,,\n"
    )
    columns = parse_facts_map("source=who,trust=sure,attribute=what,value=is,from=begin,until=end")
    signals, refused, left_out = read(tmp_path / "w.csv", text, scope="place", columns=columns)
    assert [(one.scope, one.subject, one.source, one.trust, len(one.facts)) for one in signals] == [
        ("place", "DE", "met-office", 0.9, 1),
        ("place", "DE", "rumour", 0.1, 1),
    ]
    assert signals[0].facts[0].valid_until == 1767398400.0
    assert (refused.total, left_out.total) == (0, 1)


def test_a_column_of_texts_is_a_document(tmp_path: Path) -> None:
    [signal], _, _ = read(tmp_path / "t.jsonl", '{"item": "i1", "overview": "A film about a heist; it rains."}\n')
    assert ([document.text for document in signal.documents], signal.facts) == (["A film about a heist; it rains."], ())


def test_a_table_without_its_subject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="say which with --map subject=…"):
        read(tmp_path / "f.csv", "who,what\na,b\n")


def test_holidays_are_valid_on_their_day() -> None:
    signal = holiday_signal("DE", [2026], part="BY", zone=UTC, recorded_at=START)
    unity = next(fact for fact in signal.facts if fact.valid_from == 1790985600.0)
    assert (signal.subject, unity.value, unity.valid_until) == ("DE-BY", "Tag der Deutschen Einheit", 1791072000.0)
    assert decode(EXTERNAL_SIGNALS, encode(signal), now=NOW) == signal
    with pytest.raises(UnknownPlace, match="'DE-XX'"):
        holiday_signal("DE", [2026], part="XX", zone=UTC, recorded_at=START)


@pytest.mark.parametrize(("part", "subject"), [((), "DE"), (("--part", "by"), "DE-BY")])
def test_the_command_sends_the_holidays_of_all_its_years(
    part: tuple[str, ...], subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ExternalSignal] = []
    monkeypatch.setattr("deploy.cli.signals.app._send", lambda settings, signals: sent.extend(signals))
    arguments = ["signals", "holidays", "--country", "de", "--years", "2026, 2027", *part]
    assert CliRunner().invoke(make_app(), arguments).exit_code == 0
    [signal] = sent
    assert signal.subject == subject
    assert sum(fact.value == "Neujahr" for fact in signal.facts) == 2


def test_trends_are_grouped_and_wrong_lines_are_named() -> None:
    lines = [
        b'{"subject": "Comedy", "trend": 0.5, "since": 1.1e9, "until": 1.2e9}',
        b'{"subject": "Comedy", "trend": 0.2, "since": 1.2e9, "until": 1.3e9}',
        b'{"subject": "Comedy", "trend": 7, "until": 1.3e9}',
        b'{"subject": "Comedy", "trend": 0, "until": 1}',
        b"{",
    ]
    signal, *refused = trend_signals(enumerate(lines, 1), source="trends", trust=0.5, recorded_at=1e9)
    assert isinstance(signal, ExternalSignal)
    assert said(signal) == [("trend", 0.5), ("trend", 0.2)]
    assert [str(line).split(":")[0] for line in refused] == ["line 3", "line 4", "line 5"]


def test_what_is_shown_is_the_newest_of_each_source_and_nothing_that_was_withdrawn() -> None:
    def record(source: str, value: ExternalSignal | None) -> Inbound:
        key, content = f"place/{source}/de".encode(), value and encode(value)
        return Inbound(topic=EXTERNAL_SIGNALS, partition=0, offset=0, key=key, value=content, timestamp=START)

    first, second = (ExternalSignal(scope="place", subject="DE", source="a", recorded_at=at) for at in (1.0, 2.0))
    gone = ExternalSignal(scope="place", subject="DE", source="b", recorded_at=1.0)
    assert str(signal_key(first)) == "place/a/de"
    records = [record("a", first), record("b", gone), record("a", second), record("b", None), record("c", first)]
    assert said_of(records, "place", "De", now=NOW).said("place", "de") == [second]


def test_items_whose_ids_differ_in_case_are_not_shown_together() -> None:
    def record(subject: str) -> Inbound:
        signal = ExternalSignal(scope="item", subject=subject, source="a", recorded_at=1.0)
        key = str(signal_key(signal)).encode()
        return Inbound(topic=EXTERNAL_SIGNALS, partition=0, offset=0, key=key, value=encode(signal), timestamp=START)

    said = said_of([record("Heat"), record("heat")], "item", "heat", now=NOW)
    assert ([signal.subject for signal in said.said("item", "heat")], said.said("item", "Heat")) == (["heat"], [])


ROLE_COLUMNS = "item,source,trust,attribute,from,until,recorded,value\ni1,studio,1,x,2,3,4,5\n"


def test_a_column_takes_a_role_by_the_map_alone(tmp_path: Path) -> None:
    [signal], refused, left_out = read(tmp_path / "f.csv", ROLE_COLUMNS, source="fans", trust=0.2)
    assert (signal.source, signal.trust, signal.recorded_at) == ("fans", 0.2, NOW)
    assert {attribute for attribute, _ in said(signal)} == {*ROLE_COLUMNS.split("\n")[0].split(",")[1:]}
    assert (refused.total, left_out.total) == (0, 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("studio", 1.0)),
        ({"trust": 0.2}, ("studio", 0.2)),
        ({"source": "fans"}, ("fans", 1.0)),
        ({"source": "fans", "trust": 0.2}, ("fans", 0.2)),
    ],
)
def test_options_go_before_what_a_file_says_of_its_source(
    given: dict[str, Any], expected: tuple[str, float], tmp_path: Path
) -> None:
    columns = parse_facts_map("source=who,trust=sure")
    [signal], _, _ = read(tmp_path / "f.csv", "item,who,sure,maker\ni1,studio,1,Ada\n", columns=columns, **given)
    assert (signal.source, signal.trust) == expected


CELLS = ('"high"', "7", "-1", "[1, [2]]", '{"a": 1}', "true", "1e99", '""', "null", '"\\u0000"', '"v"')


@pytest.mark.parametrize("role", ["subject", "source", "trust", "text", "attribute", "value", "maker"])
def test_no_cell_ends_the_reading_of_a_table(role: str, tmp_path: Path) -> None:
    rows = []
    for number, cell in enumerate(CELLS):
        usable = {"subject": f'"i{number}"', "source": '"studio"', "trust": "0.5", "text": '"A text."'}
        rows.append(usable | {"attribute": '"a"', "value": '"v"', "maker": '"Ada"'} | {role: cell})
    text = "\n".join("{" + ",".join(f'"{name}":{value}' for name, value in row.items()) + "}" for row in rows)
    for roles in ("subject,source,trust,text,attribute,value", "subject,source,trust,text"):
        signals, refused, left_out = read(tmp_path / "f.jsonl", text, columns={name: name for name in roles.split(",")})
        assert signals
        assert refused.total + left_out.total < 2 * len(CELLS)


def test_a_trust_that_is_none_is_counted_and_named(tmp_path: Path) -> None:
    text = "item,sure,maker\ni1,high,Ada\ni2,7,Ada\ni3,0.9,Ada\n"
    signals, refused, left_out = read(tmp_path / "f.csv", text, columns={"trust": "sure"}, trust=0.6)
    assert [signal.trust for signal in signals] == [0.6, 0.6, 0.6]
    assert (refused.total, left_out.reasons) == (0, {"no number in 'sure'": 1, "no trust from 0 to 1 in 'sure'": 1})


def test_spellings_of_a_category_are_one_signal(tmp_path: Path) -> None:
    [signal], _, _ = read(tmp_path / "f.csv", "category,mood\nSci-Fi,dark\nsci-fi,cold\n", scope="category")
    lines = [b'{"subject": "%s", "trend": 0.5, "until": 1.2e9}' % name for name in (b"Comedy", b"comedy ")]
    [trend] = trend_signals(enumerate(lines, 1), source="trends", trust=0.5, recorded_at=1e9)
    assert isinstance(trend, ExternalSignal)
    assert [len(signal.facts), len(trend.facts)] == [2, 2]


def test_a_line_of_a_feed_names_no_source_and_raises_no_trust() -> None:
    lines = [
        b'{"subject": "Comedy", "trend": 0.5, "until": 1.2e9, "source": "studio", "trust": 1}',
        b'{"subject": "Comedy", "trend": 0.5, "until": 1.2e9, "trust": 1}',
        b'{"subject": "Drama", "trend": 0.5, "until": 1.2e9, "trust": 0.1}',
    ]
    *signals, refused = trend_signals(enumerate(lines, 1), source="press", trust=0.4, recorded_at=1e9)
    assert [(one.source, one.trust) for one in signals if isinstance(one, ExternalSignal)] == [
        ("press", 0.4),
        ("press", 0.1),
    ]
    assert "`source`" in str(refused)


class Sent:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def send(self, topic: str, key: str, value: bytes) -> None:
        self.keys.append(key)

    def flush(self) -> None:
        """Nothing waits."""


def test_what_readers_would_refuse_is_named_and_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent()
    monkeypatch.setattr("deploy.cli.signals.app.reach_kafka", lambda *given: None)
    monkeypatch.setattr("deploy.cli.signals.app.make_publisher", lambda settings: sent)
    many = ['{"subject": "Comedy", "trend": 0.5, "until": 1.9e9}'] * 401
    (tmp_path / "trends.jsonl").write_text("\n".join([*many, '{"subject": "Drama", "trend": 0.5, "until": 1.9e9}']))
    result = CliRunner().invoke(make_app(), ["signals", "trends", str(tmp_path / "trends.jsonl")])
    assert (result.exit_code, sent.keys) == (1, ["category/trends/drama"])
    assert "Sent 1 signals with 1 facts" in result.stdout
    assert "category/trends/comedy is not sent, invalid: " in result.stderr


def test_a_time_zone_that_is_none_is_refused() -> None:
    arguments = ["signals", "holidays", "--country", "DE", "--years", "2026", "--time-zone", "Europe/Berlyn"]
    result = CliRunner().invoke(make_app(), arguments)
    assert (result.exit_code, "is no time zone" in result.stderr) == (2, True)


def test_rows_keep_the_time_of_recording_that_they_have(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("item,when,maker\ni1,2001-01-01,Ada\ni2,,Bob\ni3,1970-01-01,Cy\n")
    file = FactsFile(tmp_path / "f.csv", "recorded=when")
    assert [signal.recorded_at for signal in load_facts(file, recorded_at=5.0)] == [978307200.0, 5.0, 0.0]


@pytest.mark.lengthy
def test_knowledge_is_evaluated_against_its_placebo(tmp_path: Path) -> None:
    events = generated(200).events
    rows = [f"{event.user_id},{event.item_id},{event.event_time}" for _, event in events]  # type: ignore[attr-defined]
    (tmp_path / "events.csv").write_text("\n".join(["user,item,time", *rows]))
    items = sorted({event.item_id for _, event in events})  # type: ignore[attr-defined]
    facts = [f"{item},{item.split('-')[0]},{source}" for item in items for source in ("press", "fans")]
    (tmp_path / "facts.csv").write_text("\n".join(["item,studio,who", *facts]))
    command = ["evaluate", "knowledge", str(tmp_path / "events.csv"), "--facts", str(tmp_path / "facts.csv"), "--json"]
    command += ["--facts-map", "source=who"]
    result = CliRunner().invoke(make_app(), command)
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout)
    assert (numbers["items_with_facts"], numbers["choices_with_facts"]) == (1.0, 1.0)
    assert (numbers["signals"], numbers["known_items"]) == (2 * len(items), len(items))
    everything = numbers["groups"][0]
    assert [*everything["arms"]] == ["no facts", "facts", "shuffled facts"]
    for one in everything["differences"]:
        difference = everything["arms"][one["of"]]["hit_rate"] - everything["arms"][one["less"]]["hit_rate"]
        assert one["hit_rate"]["mean"] == pytest.approx(difference)
        assert one["hit_rate"]["low"] <= one["hit_rate"]["mean"] <= one["hit_rate"]["high"]

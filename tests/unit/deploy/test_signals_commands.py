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
    signal, *refused = trend_signals(enumerate(lines, 1), recorded_at=1e9)
    assert isinstance(signal, ExternalSignal)
    assert said(signal) == [("trend", 0.5), ("trend", 0.2)]
    assert [str(line).split(":")[0] for line in refused] == ["line 3", "line 4", "line 5"]


def test_what_is_shown_is_the_newest_of_each_source_and_nothing_that_was_withdrawn() -> None:
    def record(source: str, value: ExternalSignal | None) -> Inbound:
        key, content = f"place/{source}/DE".encode(), value and encode(value)
        return Inbound(topic=EXTERNAL_SIGNALS, partition=0, offset=0, key=key, value=content, timestamp=START)

    first, second = (ExternalSignal(scope="place", subject="DE", source="a", recorded_at=at) for at in (1.0, 2.0))
    gone = ExternalSignal(scope="place", subject="DE", source="b", recorded_at=1.0)
    assert str(signal_key(first)) == "place/a/DE"
    records = [record("a", first), record("b", gone), record("a", second), record("b", None), record("c", first)]
    assert said_of(records, "place", "de", now=NOW) == [second]


@pytest.mark.lengthy
def test_knowledge_is_evaluated_against_its_placebo(tmp_path: Path) -> None:
    events = generated(200).events
    rows = [f"{event.user_id},{event.item_id},{event.event_time}" for _, event in events]  # type: ignore[attr-defined]
    (tmp_path / "events.csv").write_text("\n".join(["user,item,time", *rows]))
    items = sorted({event.item_id for _, event in events})  # type: ignore[attr-defined]
    (tmp_path / "facts.csv").write_text("\n".join(["item,studio", *(f"{item},{item.split('-')[0]}" for item in items)]))
    command = ["evaluate", "knowledge", str(tmp_path / "events.csv"), "--facts", str(tmp_path / "facts.csv"), "--json"]
    result = CliRunner().invoke(make_app(), command)
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout)
    assert (numbers["items_with_facts"], numbers["choices_with_facts"]) == (1.0, 1.0)
    everything = numbers["groups"][0]
    assert [*everything["arms"]] == ["no facts", "facts", "shuffled facts"]
    for one in everything["differences"]:
        difference = everything["arms"][one["of"]]["hit_rate"] - everything["arms"][one["less"]]["hit_rate"]
        assert one["hit_rate"]["mean"] == pytest.approx(difference)
        assert one["hit_rate"]["low"] <= one["hit_rate"]["mean"] <= one["hit_rate"]["high"]

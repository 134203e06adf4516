"""A language model that proposes plans, well or badly: the worker judges, and what it refuses changes no list."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from agents.llm.budgets import EVERYBODY, Budgets, Spent
from schemas.ids import UserId
from schemas.instructions import Approve, BanCategory, SetAutonomy
from schemas.items import Item
from schemas.topics import INSTRUCTIONS
from streams.planner.process import propose_all
from tests.builders import START, click, event_id, item, send_event, skip
from tests.unit.planner.chat_server import Asked, Script, chat_server, well
from tests.unit.planner.loop import GAP, InProcessBook, PlannedLoop, planned_loop

ITEMS: tuple[Item, ...] = tuple(
    item(f"{category}-{number}", category) for category in ("war", "comedy", "drama") for number in range(8)
)
DAYS = 6


def live(loop: PlannedLoop, *, until: int = DAYS, after: Callable[[int], None] = lambda day: None) -> PlannedLoop:
    """Let a user have sessions that each begin a plan, and the planner work after each."""
    for day in range(until):
        send_event(loop.runner, click("ann", f"{('war', 'comedy', 'drama')[day % 3]}-{day}", at=day * GAP))
        after(day)
        loop.plan()
    return loop


def weights(asked: Asked) -> list[dict[str, Any]]:
    return [{"memory": memory["memory"], "weight": 0.5} for memory in asked.data["memories"][:2]]


def test_what_a_model_weighs_is_followed_and_the_ledger_says_what_it_cost() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        live(loop)
        plan, entries = loop.record("ann").agent.plan, loop.entries()
    assert plan is not None
    assert (plan.author, plan.goal) == ("llm", "Follow what was liked least of late")
    proposed = [entry for entry in entries if entry.plan.author == "llm" and entry.decision == "accepted"]
    assert len(proposed) == DAYS
    assert {(entry.tokens, entry.money) for entry in proposed} == {(120.0, 0.00014)}
    rules = [entry for entry in entries if entry.plan.author == "rules" and entry.decision == "accepted"]
    assert [entry.trigger for entry in proposed] == [entry.trigger for entry in rules]
    assert sum(abs(intent.weight) for intent in plan.intents) == pytest.approx(1.0)


def test_nothing_that_is_sent_tells_who_the_user_is_or_quotes_a_text() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        live(loop)
        secrets = {"ann", "war-0", *(memory.memory_id for memory in loop.record("ann").agent.memories)}
        secrets |= {each.title for each in ITEMS} | {each for each in loop.record("ann").user.event_ids}
        sent = json.dumps([asked.body for asked in server.asked])
        kept = loop.seen.sent
    assert [secret for secret in secrets if f'"{secret}"' in sent or f'\\"{secret}\\"' in sent] == []
    assert str(int(START))[:6] not in sent
    assert {(entry.user_id, entry.prompt, entry.model) for entry in kept} == {("ann", "plan.v1", "small")}
    assert [entry.messages[0].content for entry in kept] == [a.body["messages"][0]["content"] for a in server.asked]


def test_a_model_may_call_tools_that_answer_with_numbers_for_ids() -> None:
    answered: list[str] = []

    def curious(asked: Asked) -> None:
        if asked.wants_plan:
            answered.extend(m["content"] for m in asked.body["messages"] if m["role"] == "tool")
            well(asked)
            return
        names = {tool["function"]["name"] for tool in asked.body["tools"]}
        assert not names & {"recommend", "ask_user"}
        calls = [("search_items", {"words": "war"}), ("item_facts", {"item_id": "i1"}), ("drop", {}), ("history", "{")]
        asked.say(
            "",
            tool_calls=[
                {"id": f"c{n}", "function": {"name": name, "arguments": a if isinstance(a, str) else json.dumps(a)}}
                for n, (name, a) in enumerate(calls)
            ],
        )

    with chat_server(curious) as server, planned_loop(server.url, ITEMS, tool_rounds=2) as loop:
        live(loop, until=1)
        assert loop.seen.outcomes == ["proposed"]
    found, facts, unknown, broken = (json.loads(content.splitlines()[1]) for content in answered[-4:])
    assert found["items"][:2] == [{"item": f"i{n}", "categories": ["war"]} for n in (1, 2)]
    assert (facts["item"], facts["categories"], "title" in facts) == ("i1", ["war"], False)
    assert (unknown, broken["error"].split(":")[0]) == ({"error": "unknown-tool"}, "bad-arguments")


def _plan(asked: Asked, **more: Any) -> None:
    asked.say({"goal": "Go on", "steps": [], "weights": weights(asked)} | more)


def _slow(asked: Asked) -> None:
    asked.stop.wait(5.0)


BAD: dict[str, tuple[Script, str]] = {
    "an unknown memory": (lambda a: _plan(a, weights=[{"memory": "m99", "weight": 1}]), "nonsense"),
    "an item instead of a memory": (lambda a: _plan(a, weights=[{"memory": "evil-1", "weight": 1}]), "nonsense"),
    "an id of a memory": (lambda a: _plan(a, weights=[{"memory": "m1\n", "weight": 1}]), "nonsense"),
    "a weight beyond": (lambda a: _plan(a, weights=[{"memory": "m1", "weight": 7}]), "nonsense"),
    "further fields": (lambda a: _plan(a, pinned_items=["evil-1"], constraints={}), "nonsense"),
    "an address": (lambda a: _plan(a, goal="Buy at http://evil.example/x"), "nonsense"),
    "markup": (lambda a: _plan(a, steps=["<script>alert(1)</script>"]), "nonsense"),
    "words": (lambda a: a.say("Sure! Here is a great plan for you."), "nonsense"),
    "half an answer": (lambda a: a.say('{"goal": "Go'), "nonsense"),
    "nothing": (lambda a: a.say(""), "nonsense"),
    "deep nesting": (lambda a: a.say("[" * 5_000), "nonsense"),
    "no choice": (lambda a: a.send(200, b'{"choices": []}'), "nonsense"),
    "no JSON": (lambda a: a.send(200, b"<html>It works!</html>"), "nonsense"),
    "a flood": (lambda a: a.send(200, b"[" + b"1," * 200_000), "nonsense"),
    "nothing to weigh": (lambda a: _plan(a, weights=[]), "unchanged"),
    "a refusal": (lambda a: a.say("", refusal="I cannot help with that."), "refused"),
    "a wrong key": (lambda a: a.send(401, b'{"error": "wrong key"}'), "refused"),
    "an error": (lambda a: a.send(500, b"oops"), "away"),
    "too many requests": (lambda a: a.send(429, b"slow down"), "away"),
    "a cut": (Asked.cut, "cut"),
    "nothing in time": (_slow, "slow"),
}


@pytest.fixture(scope="module")
def plain() -> list[bytes]:
    """The lists of the same events without a language model."""
    with planned_loop("http://127.0.0.1:1/v1", ITEMS) as loop:
        for day in range(DAYS):
            send_event(loop.runner, click("ann", f"{('war', 'comedy', 'drama')[day % 3]}-{day}", at=day * GAP))
        return [_same(value) for value in loop.lists()]


def _same(value: bytes) -> bytes:
    """A list without the ids of events, which count up over tests."""
    made = json.loads(value)
    for name in ("trigger_event_ids", "explanations"):
        made.pop(name, None)
    return json.dumps(made).encode()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_changes_no_list_by_a_byte(name: str, plain: list[bytes]) -> None:
    script, outcome = BAD[name]
    patience = 0.3 if outcome == "slow" else 20.0
    with chat_server(script) as server, planned_loop(server.url, ITEMS, plan_seconds=patience) as loop:
        live(loop)
        assert set(loop.seen.outcomes) == {outcome}
        assert (loop.proposals(), len(server.asked)) == ([], DAYS)
        assert [_same(value) for value in loop.lists()] == plain


def test_an_endpoint_that_is_killed_in_the_middle_is_not_noticed(plain: list[bytes]) -> None:
    """It answers nonsense, is killed while it holds the third request, and nobody listens from then on."""

    def dying(asked: Asked) -> None:
        if asked.number < 2:
            asked.say("Well, let me think.")
            return
        Thread(target=server.kill).start()
        asked.stop.wait(20.0)

    with chat_server(dying) as server, planned_loop(server.url, ITEMS, plan_seconds=20.0) as loop:
        live(loop)
        assert loop.seen.outcomes == ["nonsense", "nonsense", "cut", "away", "away", "away"]
        assert [_same(value) for value in loop.lists()] == plain


def test_after_a_model_that_planned_is_killed_lists_are_those_of_the_rules_again() -> None:
    def items_by_day(loop: PlannedLoop) -> list[Any]:
        made = [json.loads(value) for value in loop.lists()]
        of_clicks = {tuple(each["trigger_event_ids"]): each["slates"] for each in reversed(made)}
        return [[row["item_id"] for row in slates[0]["items"]] for slates in reversed(of_clicks.values())]

    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        helped = items_by_day(live(loop, after=lambda day: server.kill() if day == 3 else None))
        assert loop.seen.outcomes == ["proposed"] * 3 + ["away"] * 3
    with planned_loop("http://127.0.0.1:1/v1", ITEMS) as loop:
        assert items_by_day(live(loop)) == helped


def test_a_breaker_leaves_a_failing_endpoint_alone() -> None:
    with chat_server(BAD["an error"][0]) as server, planned_loop(server.url, ITEMS, breaker_failures=2) as loop:
        live(loop)
        assert (len(server.asked), loop.seen.outcomes) == (2, ["away"] * 2 + ["not-tried"] * 4)


def test_budgets_of_a_person_and_of_everybody_end_the_asking() -> None:
    greedy: Script = lambda asked: asked.say(  # noqa: E731
        {"goal": "Go on", "steps": [], "weights": weights(asked)},
        usage={"prompt_tokens": 60_000, "completion_tokens": 40_000},
    )
    for limits in ({"person": Spent(tokens=150_000.0)}, {"everybody": Spent(money=0.2)}):
        with chat_server(greedy) as server, planned_loop(server.url, ITEMS, **limits) as loop:
            live(loop)
            assert len(server.asked) == 2
            assert loop.seen.outcomes == ["proposed"] * 2 + ["over-budget"] * 4
            [spent] = {loop.book.spent(int((START + 1e6) // 86_400), who) for who in (UserId("ann"), EVERYBODY)}
            assert (spent.tokens, spent.money) == (200_000.0, pytest.approx(0.28))
    with chat_server(greedy) as server, planned_loop(server.url, ITEMS, person=Spent(seconds=1.0)) as loop:
        live(loop, until=1)
        assert (server.asked, loop.seen.outcomes) == ([], ["over-budget"])


@pytest.mark.parametrize("usage", [{"prompt_tokens": -1e9}, {"prompt_tokens": -5, "completion_tokens": -5}, {}])
def test_an_endpoint_gives_no_refunds(usage: Any) -> None:
    def script(asked: Asked) -> None:
        asked.say({"goal": "Go on", "steps": [], "weights": weights(asked)}, usage=usage)

    with chat_server(script) as server, planned_loop(server.url, ITEMS) as loop:
        live(loop, until=1)
        assert loop.book.spent(int((START + 1e6) // 86_400), EVERYBODY).tokens >= 0.0


def test_a_plan_that_was_overtaken_is_refused_with_the_reason() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        send_event(loop.runner, click("ann", "war-0"))
        records = loop.ledger.next()
        ban = BanCategory(event_id=event_id(), user_id=UserId("ann"), event_time=START + 9, category="war")
        send_event(loop.runner, ban, INSTRUCTIONS)
        loop.asyncio.run(propose_all(loop.process, records))
        loop.runner.run()
        [rejected] = [entry for entry in loop.entries() if entry.plan.author == "llm"]
        plan = loop.record("ann").agent.plan
    assert (rejected.decision, rejected.violations[0].split(":")[0]) == ("rejected", "superseded")
    assert plan is not None
    assert (plan.author, plan.constraints.banned_categories) == ("rules", ("war",))


def test_a_proposal_is_judged_by_the_state_of_now_and_not_of_then() -> None:
    """Two skips after the plan was made: the state is newer, the plan still followed, and the proposal fits."""
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        send_event(loop.runner, click("ann", "war-0"))
        before = loop.record("ann").user.version
        send_event(loop.runner, skip("ann", "comedy-0", at=5))
        loop.plan()
        plan = loop.record("ann").agent.plan
    assert plan is not None
    assert (plan.author, plan.state_version, loop.record("ann").user.version) == ("llm", before, before + 1)


def test_of_a_user_who_wants_no_plans_a_proposal_is_refused() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        send_event(loop.runner, click("ann", "war-0"))
        records = loop.ledger.next()
        send_event(loop.runner, autonomy(0), INSTRUCTIONS)
        loop.asyncio.run(propose_all(loop.process, records))
        loop.runner.run()
        [refused] = [entry for entry in loop.entries() if entry.plan.author == "llm"]
        assert (refused.decision, refused.violations[0].split(":")[0]) == ("rejected", "autonomy")
        assert loop.record("ann").agent.plan is None


def test_of_a_user_who_wants_to_be_asked_a_proposal_waits_for_approval() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        send_event(loop.runner, click("ann", "war-0"))
        send_event(loop.runner, autonomy(1), INSTRUCTIONS)
        loop.plan()
        agent = loop.record("ann").agent
        assert agent.plan is not None
        assert agent.proposal is not None
        assert (agent.plan.author, agent.proposal.author) == ("rules", "llm")
        yes = Approve(event_id=event_id(), user_id=UserId("ann"), event_time=START + 9)
        send_event(loop.runner, yes, INSTRUCTIONS)
        assert loop.record("ann").agent.plan.author == "llm"  # type: ignore[union-attr]


def autonomy(level: Any) -> SetAutonomy:
    return SetAutonomy(event_id=event_id(), user_id=UserId("ann"), event_time=START + 5, level=level)


def test_plans_that_waited_too_long_and_triggers_that_nobody_asked_about_are_passed_over() -> None:
    with chat_server(well) as server, planned_loop(server.url, ITEMS) as loop:
        object.__setattr__(loop.process, "latest_seconds", -1.0)
        live(loop, until=2)
        assert (server.asked, loop.seen.late) == ([], 2)
        object.__setattr__(loop.process, "triggers", frozenset())
        live(loop, until=2)
        assert server.asked == []


def test_a_call_costs_its_tokens_each_way_and_the_time_that_it_takes() -> None:
    budgets = Budgets(InProcessBook(), price_in=1.0, price_out=2.0)
    assert budgets.price(500_000, 250_000, 2.0) == Spent(tokens=750_000, seconds=2.0, money=1.0)

"""The worker and the planner over one log in memory, with a language model behind a real HTTP endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from agents.actions.service import TITLE_LENGTH, NobodyThere, PastItem, RememberedFact, ToolContext
from agents.actions.toolbox import Toolbox, tools_for
from agents.actions.untrusted_text import visible
from agents.llm.budgets import Budgets, Spent
from agents.llm.conversation import SentEntry
from agents.llm.planner import LlmPlanner, PlannerOptions, ProposalOutcome
from deploy.language_model.wiring import make_model
from deploy.settings import LlmSettings
from features.circuit_breaker import CircuitBreaker
from features.memory_state import MemoryStateStore
from schemas.codec import decode
from schemas.errors import LanguageFault
from schemas.ids import UserId
from schemas.items import Item
from schemas.plans import PlanEntry
from schemas.topics import PLAN_PROPOSALS, PLANS, RECOMMENDATIONS
from streams.log.in_memory_log import Cursor
from streams.log.partitions import partition_of
from streams.planner.process import PlannerProcess, propose_all
from streams.state.partition_store import PEOPLE
from streams.state.user_page import page_of
from streams.state.user_record import UserRecord, new_user, unpack
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, make_runner
from tests.unit.agents.in_process_services import InProcessItemService, InProcessKnowledge, InProcessUserService

NOW = START + 1e6
GAP = 3_600.0
"""Between two events: each begins a session, and so a plan."""


class InProcessBook:
    """A `SpendingBook` in the process."""

    def __init__(self) -> None:
        self._days: dict[tuple[int, UserId], Spent] = {}

    def spent(self, day: int, who: UserId) -> Spent:
        return self._days.get((day, who), Spent())

    def add(self, day: int, who: UserId, spent: Spent) -> None:
        self._days[day, who] = self.spent(day, who) + spent


@dataclass
class Seen:
    """What was observed and kept."""

    outcomes: list[ProposalOutcome] = field(default_factory=list)
    calls: list[LanguageFault | None] = field(default_factory=list)
    sent: list[SentEntry] = field(default_factory=list)
    late: int = 0

    def completed(self, outcome: LanguageFault | None, spent: Spent, *, breaker_open: bool) -> None:
        self.calls.append(outcome)

    def concluded(self, outcome: ProposalOutcome, seconds: float) -> None:
        self.outcomes.append(outcome)

    def called(self, name: str, outcome: object, seconds: float) -> None:
        """Tools are observed elsewhere."""

    def put(self, entry: SentEntry) -> None:
        self.sent.append(entry)

    def passed_over(self, plans: int) -> None:
        self.late += plans


@dataclass
class PlannedLoop:
    """A worker, and a planner that reads its ledger whenever `plan` is called."""

    runner: InMemoryRunner
    store: MemoryStateStore
    items: Sequence[Item]
    process: PlannerProcess
    seen: Seen
    ledger: Cursor
    asyncio: asyncio.Runner
    book: InProcessBook

    def plan(self) -> None:
        """Let the planner do what the ledger asks for, and the worker what follows from it."""
        records = self.ledger.next()
        if records:
            self.asyncio.run(propose_all(self.process, records))
        self.runner.run()

    def record(self, user: str) -> UserRecord:
        stored = self.store.load(PEOPLE, partition_of(user, 4), [user]).get(user)
        return unpack(stored) if stored else new_user(UserId(user))

    def entries(self) -> list[PlanEntry]:
        return [decode(PLANS, record.value, now=NOW) for record in self.runner.log.records(PLANS)]

    def proposals(self) -> list[Any]:
        return [decode(PLAN_PROPOSALS, record.value, now=NOW) for record in self.runner.log.records(PLAN_PROPOSALS)]

    def lists(self) -> list[bytes]:
        """Every published list, in order, as bytes."""
        return [record.value or b"" for record in self.runner.log.records(RECOMMENDATIONS)]

    async def toolbox_of(self, user: UserId) -> Toolbox:
        record = self.record(user)
        page = page_of(record, lambda item: self.title(item), now=NOW, zone=UTC)
        facts = [
            RememberedFact(
                memory_id=memory.memory_id,
                text=memory.text,
                predicate=memory.predicate,
                subject=memory.subject,
                value=memory.value,
                stated=is_stated,
                confidence=memory.confidence,
            )
            for is_stated, memories in ((True, page.stated), (False, page.believed))
            for memory in memories
        ]
        had = record.user.user_item_statistics.items()
        history = [
            PastItem(item_id=item, title=self.title(item), times=each.count, last_at=each.last_at, reward=each.reward)
            for item, each in sorted(had, key=lambda pair: -pair[1].last_at)
        ]
        context = ToolContext(
            items=InProcessItemService(self.items),
            user=InProcessUserService(facts, history),
            knowledge=InProcessKnowledge(),
            dialogue=NobodyThere(),
        )
        rows = tools_for(("lists", "memories"), with_user=False)
        return Toolbox(rows, context, observer=self.seen, clock=lambda: 0.0)

    def title(self, item: str) -> str:
        return next((visible(each.title, TITLE_LENGTH) for each in self.items if each.item_id == item), "")


@contextmanager
def planned_loop(
    url: str,
    items: Sequence[Item],
    *,
    person: Spent = Spent(),  # noqa: B008
    everybody: Spent = Spent(),  # noqa: B008
    breaker_failures: int = 100,
    **options: Any,
) -> Iterator[PlannedLoop]:
    """Return a worker with these items, and a planner that asks the endpoint at `url`."""
    store, seen, book = MemoryStateStore(), Seen(), InProcessBook()
    runner = make_runner(store=store)
    for item in items:
        runner.send("items", item.item_id, item)
    runner.run()
    chosen = PlannerOptions(**{"tool_rounds": 0, "plan_seconds": 5.0} | options)
    nonces = count()
    with asyncio.Runner() as loop:
        model = make_model(LlmSettings(url=url, model="small", plan_seconds=chosen.plan_seconds))
        planner = LlmPlanner(
            model=model,
            budgets=Budgets(book, person=person, everybody=everybody, price_in=1.0, price_out=2.0),
            breaker=CircuitBreaker(failures=breaker_failures, seconds=1e6, clock=lambda: 0.0),
            observer=seen,
            sent=seen,
            options=chosen,
            monotonic=lambda: 0.0,
            wall=lambda: NOW,
            new_nonce=lambda: f"n{next(nonces)}",
        )
        planned: PlannedLoop
        process = PlannerProcess(
            reader=None,  # type: ignore[arg-type]
            publisher=runner.log,  # type: ignore[arg-type]
            planner=planner,
            toolbox_of=lambda user: planned.toolbox_of(user),
            triggers=frozenset({"session-start", "taste-drift", "skip-run", "instruction"}),
            at_once=4,
            latest_seconds=60.0,
            passed_over=seen.passed_over,
            clock=lambda: NOW,
        )
        ledger = Cursor(runner.log, (PLANS,), lambda topic, partition: 0)
        planned = PlannedLoop(runner, store, items, process, seen, ledger, loop, book)
        try:
            yield planned
        finally:
            loop.run(model.close())


def without_versions(value: bytes) -> Any:
    """Return a list without its version, which also counts proposals."""
    made = msgspec.json.decode(value)
    return {name: each for name, each in made.items() if name not in ("version", "applied")}


def entry_of(loop: PlannedLoop, user: str = "ann") -> PlanEntry:
    """Return the newest accepted plan of a user, as the ledger has it."""
    accepted = [entry for entry in loop.entries() if entry.user_id == user and entry.decision == "accepted"]
    return replace(accepted[-1])

"""Plays tasks: a simulated person and the agent talk until the person accepts or the agent abstains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from msgspec import Struct

from agents.dialogue.catalogue import OfferedCatalogue
from agents.dialogue.conversation import Conversation
from agents.dialogue.limits import keeps_all
from agents.dialogue.state import DialogueState
from agents.dialogue.tools import RecordedTools
from agents.evaluation.interactive.judge import Call, DialogueMessage, PolicyJudge
from agents.evaluation.interactive.person import Rejections, SimulatedPerson
from agents.evaluation.interactive.tasks import Task, is_unsatisfiable

MOST_TURNS = 20
"""Messages of the agent after which a person leaves."""
FEW_TURNS = 8
"""Within so many messages a conversation should end."""


class Played(Struct, frozen=True):
    """A conversation and what became of it; `item` is the last that was recommended, None for an abstention.

    `turns` counts the agent's messages, that with the last recommendation included.
    """

    task_id: str
    seed: int
    item: str | None
    constraint: bool
    violations: tuple[str, ...]
    turns: int
    transcript: tuple[DialogueMessage | Call, ...]

    @property
    def success(self) -> bool:
        """Return whether the right item was found, or nothing, and no policy was violated."""
        return self.constraint and not self.violations


class InteractiveResult(Struct, frozen=True):
    """Means over conversations; `policy` is the share without a violation, as in τ-Rec."""

    success: float
    constraint: float
    policy: float
    turns: float
    success_within_8_turns: float
    policy_violations: int
    violated: dict[str, int]
    conversations: int


def play(
    task: Task, catalogue: OfferedCatalogue, conversation: Conversation, seed: int, rejections: Rejections
) -> Played:
    """Return the conversation about one task."""
    transcript: list[DialogueMessage | Call] = []
    tools = RecordedTools(catalogue, task.watched, lambda call: transcript.append(Call(call.name, call.arguments)))
    person, state, turns = SimulatedPerson(task, seed, rejections), DialogueState(), 0
    saying = person.open()
    while True:
        transcript.append(DialogueMessage("person", saying.text, saying.stated))
        if saying.is_last or turns >= MOST_TURNS:
            break
        turn = conversation.answer(state, saying.text, tools)
        transcript.append(DialogueMessage("agent", turn.text))
        state, turns = turn.state, turns + 1
        if turn.act.kind == "abstain":
            break
        saying = person.react(turn.act)
    return _played(task, catalogue, seed, transcript, turns, is_accepted=saying.is_last)


def _played(
    task: Task,
    catalogue: OfferedCatalogue,
    seed: int,
    transcript: Sequence[DialogueMessage | Call],
    turns: int,
    *,
    is_accepted: bool,
) -> Played:
    calls = [event for event in transcript if isinstance(event, Call) and event.name == "recommend"]
    item = calls[-1].arguments.get("item_id") if calls else None
    nothing_fits = is_unsatisfiable(task, catalogue)
    if nothing_fits:
        constraint = bool(calls) and item is None
    else:
        found = catalogue.items.get(str(item))
        constraint = is_accepted and found is not None and keeps_all(found.facts, task.limits)
    judge = PolicyJudge(catalogue.items, task.services, task.watched, nothing_fits=nothing_fits)
    violations = tuple(judge.violations(transcript))
    return Played(
        task.task_id, seed, None if item is None else str(item), constraint, violations, turns, tuple(transcript)
    )


def play_all(
    tasks: Sequence[Task], catalogue: OfferedCatalogue, seeds: Sequence[int], rejections: Rejections
) -> Iterator[Played]:
    """Yield the conversation about each task with each seed."""
    conversation = Conversation(catalogue)
    for seed in seeds:
        for task in tasks:
            yield play(task, catalogue, conversation, seed, rejections)


def summarise(played: Sequence[Played]) -> InteractiveResult:
    """Return the means over conversations, of which there is at least one."""
    violated = Counter(policy for one in played for policy in one.violations)
    return InteractiveResult(
        success=fmean(one.success for one in played),
        constraint=fmean(one.constraint for one in played),
        policy=fmean(not one.violations for one in played),
        turns=fmean(one.turns for one in played),
        success_within_8_turns=fmean(one.success and one.turns <= FEW_TURNS for one in played),
        policy_violations=violated.total(),
        violated=dict(violated),
        conversations=len(played),
    )

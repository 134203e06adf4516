"""One conversation with a model about one plan: calls under budget and breaker, tools between them, then the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

from agents.actions.service import RememberedFact
from agents.actions.tool import Tool
from agents.actions.toolbox import Toolbox
from agents.llm.answer import answer_schema, plan_from, read_answer
from agents.llm.budgets import Spent
from agents.llm.handles import TEXT_FIELDS, Handles
from agents.llm.ports import ChatMessage, Completion, ToolRequest
from agents.llm.prompt import PROMPT_VERSION, delimited
from schemas.errors import LanguageFault, LanguageModelFailed, ToolRefused
from schemas.ids import UserId
from schemas.plans import Plan, PlanEntry

if TYPE_CHECKING:
    from agents.llm.planner import LlmPlanner

AUTHOR = "llm"
"""Who has made a plan that a model proposes, as ledger and lists say."""
CHARACTERS_PER_TOKEN = 2.5
"""Fewer than in most languages: what is reserved of a budget is rather too much than too little."""
CALLS_PER_ANSWER = 4
RESULT_CHARACTERS = 6_000


class SentEntry(Struct, frozen=True, kw_only=True):
    """What was sent to a model because of a user, what it answered, and what that cost: for the audit."""

    user_id: UserId
    prompt: str
    model: str
    messages: tuple[ChatMessage, ...]
    answer: Completion | None
    fault: LanguageFault | None
    spent: Spent


class SentLog(Protocol):
    """Keeps what was sent."""

    def put(self, entry: SentEntry) -> None:
        """Keep an entry; does not raise."""
        ...


class ModelConversation:
    """Asks for one plan. `spent` is what it has cost so far."""

    def __init__(self, planner: LlmPlanner, entry: PlanEntry, toolbox: Toolbox, *, day: int) -> None:
        self._planner, self._entry, self._toolbox, self._day = planner, entry, toolbox, day
        self._texts: list[str] = []
        self._messages: list[ChatMessage] = []
        self.handles = Handles()
        self.spent = Spent()

    def has_read(self, texts: Sequence[str]) -> None:
        """Note texts of third parties that are sent: an answer that repeats them is refused."""
        self._texts += texts

    async def plan(self, messages: Sequence[ChatMessage], memories: Mapping[str, RememberedFact]) -> Plan | None:
        """Return the model's plan, none if it weighs nothing.

        1. up to `tool_rounds` answers may call tools 2. the last answer is a plan, by the schema

        Raises:
            LanguageModelFailed: it gives none.
        """
        self._messages = list(messages)
        tools = tuple(self._toolbox.tools.values())
        for _ in range(self._planner.options.tool_rounds if tools else 0):
            completion = await self._complete(tools, None)
            if not completion.calls:
                break
            await self._use(completion)
        completion = await self._complete((), answer_schema(memories))
        answer = read_answer(completion.text)
        return plan_from(answer, memories, self._entry, author=AUTHOR, texts=self._texts)

    async def _complete(self, tools: Sequence[Tool], schema: Mapping[str, Any] | None) -> Completion:
        """Return the model's next answer: 1 the breaker 2 the budgets 3 the call 4 what it cost 5 the audit."""
        planner, user = self._planner, self._entry.user_id
        if not planner.breaker.allows():
            raise LanguageModelFailed("not-tried", "the model failed before, and is left alone for a while")
        written = sum(len(message.content) for message in self._messages) / CHARACTERS_PER_TOKEN
        most_seconds = planner.options.plan_seconds
        reserved = planner.budgets.price(written, planner.options.max_tokens, most_seconds)
        if not planner.budgets.reserve(user, reserved, self._day):
            raise LanguageModelFailed("over-budget", "a budget of the day has too little left")
        began = planner.monotonic()
        completion: Completion | None = None
        fault: LanguageFault | None = "slow"  # Whoever cancels this call has waited long enough.
        try:
            completion = await planner.model.complete(
                self._messages, max_tokens=planner.options.max_tokens, tools=tools, schema=schema
            )
            fault = None
        except LanguageModelFailed as exc:
            fault = exc.fault
            raise
        finally:
            spent = self._cost(written, completion, planner.monotonic() - began)
            planner.budgets.settle(user, reserved, spent, self._day)
            self._conclude(completion, fault, spent)
        return completion

    def _cost(self, written: float, completion: Completion | None, seconds: float) -> Spent:
        """Return what a call cost; as much as it may have, where the endpoint does not say."""
        counted = completion or Completion(tokens_out=0)
        tokens_in = written if counted.tokens_in is None else counted.tokens_in
        tokens_out = len(counted.text) / CHARACTERS_PER_TOKEN if counted.tokens_out is None else counted.tokens_out
        return self._planner.budgets.price(tokens_in, tokens_out, seconds)

    def _conclude(self, completion: Completion | None, fault: LanguageFault | None, spent: Spent) -> None:
        planner = self._planner
        self.spent = self.spent + spent
        if fault is None:
            planner.breaker.worked()
        elif fault in ("away", "cut"):
            planner.breaker.failed()
        planner.observer.completed(fault, spent, breaker_open=planner.breaker.is_open)
        entry = SentEntry(
            user_id=self._entry.user_id,
            prompt=PROMPT_VERSION,
            model=planner.model.name,
            messages=tuple(self._messages),
            answer=completion,
            fault=fault,
            spent=spent,
        )
        planner.sent.put(entry)

    async def _use(self, completion: Completion) -> None:
        calls = completion.calls[:CALLS_PER_ANSWER]
        self._messages.append(ChatMessage(role="assistant", content=completion.text, calls=calls))
        for call in calls:
            answer = await self._answered(call)
            document = delimited(answer, self._planner.new_nonce())
            self._messages.append(ChatMessage(role="tool", content=document, call_id=call.call_id))

    async def _answered(self, call: ToolRequest) -> object:
        """Return what a tool answers to the model, as numbers for ids and, unless texts are sent, without texts."""
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
            result = msgspec.to_builtins(await self._toolbox.call(call.name, self.handles.unmasked(arguments)))
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as exc:
            return {"error": f"bad-arguments: {exc}"}
        except ToolRefused as exc:
            return {"error": exc.fault}
        texts = self._planner.options.texts
        masked = self.handles.masked(result, texts=texts)
        if len(msgspec.json.encode(masked)) > RESULT_CHARACTERS:
            return {"error": "too long: ask for fewer"}
        if texts:
            self.has_read(list(texts_in(masked)))
        return masked


def texts_in(value: object) -> Iterator[str]:
    """Yield the texts of third parties in JSON values.

    >>> list(texts_in({"items": [{"item": "i1", "title": "Heat", "times": 2}]}))
    ['Heat']
    """
    if isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in TEXT_FIELDS:
                yield from _strings(each)
            else:
                yield from texts_in(each)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)

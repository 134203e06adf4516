"""The corpus of the fuzzer: valid records of every topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec.structs import replace

from agents.memory.record import memory_id
from features.statistics import fold_delta
from features.user_state import UserState
from features.views import feature_schema_id, user_row
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, MisroutedRecord
from schemas.erasures import Erasure
from schemas.ids import EventId, ItemId, ListId, MemoryId, PlanId, UserId
from schemas.instructions import (
    Approve,
    BanCategory,
    BanItem,
    Excepted,
    Forget,
    LessOf,
    Lift,
    LiftAll,
    LiftGoal,
    LimitFact,
    MoreOf,
    OfferRules,
    OnlyCategory,
    PinItem,
    RecurringTime,
    Reject,
    Remember,
    Say,
    SetAutonomy,
    SetGoal,
    Undo,
)
from schemas.interactions import (
    AddToCart,
    Click,
    Context,
    Dislike,
    Dwell,
    Hide,
    Impression,
    Like,
    Look,
    Purchase,
    Rating,
    Review,
    Search,
    Skip,
    View,
)
from schemas.item_perceptions import Embedding, ItemPerception, SeenPicture
from schemas.items import Item
from schemas.memories import Memory, memory_key
from schemas.model_updates import Difference, ModelUpdate, VariantStatus
from schemas.offers import Occasion, Offer, Withheld
from schemas.perceived_events import PerceivedEvent
from schemas.plans import Intent, Plan, PlanEntry, PlanProposal, ProposalCost, Quota
from schemas.quarantines import Quarantine
from schemas.ranking_log import Command, DefaultList, Draw, ErasureEntry
from schemas.recommendations import RankedItem, RankRequest, Recommendation, Slate
from schemas.record import Record
from schemas.signals import ExternalSignal, OutsideDocument, OutsideFact
from schemas.statistics import ItemDelta
from schemas.topics import (
    DEAD_LETTERS,
    ERASURES,
    EXTERNAL_SIGNALS,
    INSTRUCTIONS,
    INTERACTIONS,
    ITEM_DELTAS,
    ITEM_PERCEPTIONS,
    ITEM_STATISTICS,
    ITEMS,
    MEMORIES,
    MISROUTED,
    MODEL_UPDATES,
    OCCASIONS,
    OFFERS,
    PERCEIVED_EVENTS,
    PLAN_PROPOSALS,
    PLANS,
    QUARANTINES,
    RANK_REQUESTS,
    RANKING_LOG,
    RECOMMENDATIONS,
)
from tests.builders import START
from tests.unit.streams.trainer_fixtures import COLUMNS, ROWS, choice, command, outcome, ranked

ANN = UserId("ann")
_event = {"event_id": EventId("e1"), "user_id": ANN, "event_time": START}
_about = {**_event, "item_id": ItemId("war-1")}
_entry = {"entry_id": "x1", "user_id": ANN, "event_time": START}


def _interactions() -> list[Record]:
    context = Context(surface="home", device="phone", place="Lyon", locale="fr")
    shown = (ItemId("war-0"), ItemId("war-1"))
    return [
        Impression(**_event, items=shown, list_id=ListId("l1"), context=context),
        View(**_about, session_id="s1"),
        Click(**_about, list_id=ListId("l1")),
        Dwell(**_about, seconds=12.5),
        Rating(**_about, value=4.0),
        AddToCart(**_about, quantity=2.0),
        Purchase(**_about, quantity=1.0, price=9.5, basket_id="b1"),
        Like(**_about),
        Dislike(**_about),
        Hide(**_about),
        Skip(**_about),
        Search(**_event, query="old films"),
        Look(**_event, image="data:image/png;base64,iVBORw0KGgo="),
        Review(**_about, text="It warms the hands.", value=4.0),
    ]


def _instructions() -> list[Record]:
    by_category = [kind(**_event, category="war") for kind in (BanCategory, MoreOf, LessOf, OnlyCategory)]
    alone = [kind(**_event) for kind in (LiftAll, Undo, Approve, Reject)]
    return [
        *by_category,
        *alone,
        BanItem(**_about),
        BanCategory(
            **_event, category="war", exceptions=(Excepted(subject="attribute", attribute="maker", value="Ann"),)
        ),
        OnlyCategory(
            **_event, category="war", when=RecurringTime(days=("friday",), starts="18:00", time_zone="Asia/Tokyo")
        ),
        PinItem(**_about),
        LimitFact(**_event, fact="price", at_least=1.0, at_most=9.5, until=START + 60.0),
        LimitFact(**_event, fact="length", at_most=120.0, category="war"),
        Remember(**_event, predicate="likes", subject="attribute", value="red", attribute="colour"),
        SetGoal(**_event, name="the trilogy", items=(ItemId("war-1"), ItemId("war-2")), per_session=2),
        SetGoal(**_event, name="learn", category="war", count=3, ascending="length", until=START + 60.0),
        LiftGoal(**_event, name="the trilogy"),
        Forget(**_event, memory_id=MemoryId("m1")),
        Lift(**_event, value="war"),
        SetAutonomy(**_event, level=3, action="offers", offers=OfferRules(per_week=1, quiet_from="21:30")),
        Say(**_event, text="nothing over 20 euros until Sunday", time_zone="Europe/Berlin"),
    ]


def _items() -> list[Record]:
    more: dict[str, Any] = {
        "text": "About a teapot.",
        "images": ("a.png",),
        "categories": ("war", "Sci-Fi"),
        "tags": ("old",),
        "price": 3.5,
        "available_from": START - 10.0,
        "available_until": START + 1e7,
        "attributes": {"colour": "red", "weight": 2.5, "new": True},
    }
    return [Item(item_id=ItemId("war-1"), title="A teapot", **more), Item(item_id=ItemId("war-2"))]


def _deltas() -> list[Record]:
    before = ((ItemId("war-0"), 60.0), (ItemId("war-2"), 90.0))
    usual: dict[str, Any] = {"item_id": ItemId("war-1"), "source": "interactions-0", "event_time": START}
    return [
        ItemDelta(**usual, offset=0, weight=1.0, value=4.0, before=before, segment="new"),
        ItemDelta(**usual, offset=1, weight=0.0, account=0.5, counted=1.0, since=60.0, withheld=True),
    ]


def _statistics() -> list[Record]:
    rows, row = [], None
    for delta in _deltas():
        assert isinstance(delta, ItemDelta)
        row = fold_delta(row, delta)
        rows.append(row)
    return list(rows)


def _recommendations() -> list[Record]:
    places = tuple(
        RankedItem(item_id=ItemId(f"war-{n}"), score=1.0 - n, source="popular", reason="new") for n in (0, 1)
    )
    slates = (Slate(list_id=ListId("l1"), surface="home", items=places, seed=7),)
    more: dict[str, Any] = {"applied": {"interactions-0": 4}, "stages": {"received": START + 1.0}}
    usual: dict[str, Any] = {"version": 3, "slates": slates, "event_time": START, "expires_at": START + 60.0, **more}
    return [Recommendation(user_id=ANN, **usual), Recommendation(user_id=UserId("@default"), **usual)]


def _ranking_log() -> list[Record]:
    draw_features = np.zeros((1, len(COLUMNS)), "<f4").tobytes()
    draw = Draw(
        seed=1,
        temperature=0.5,
        size=ROWS,
        items=(*(ItemId(f"i{row}") for row in range(ROWS)), ItemId("extra")),
        scores=(0.5,) * (ROWS + 1),
        features=draw_features,
    )
    features = user_row(UserState(user_id=ANN))
    return [
        choice(1),
        replace(choice(2), experiment="x", arm="a", ranks={"a": 2}, list_id=ListId("l1")),
        replace(ranked(1), user_features=features, user_categories={"war": 0.5}),
        replace(ranked(2), draw=draw, experiment="x", arm="a", external={"age": 3.0}),
        outcome(1, 0, 3),
        outcome(2, 1, late=True),
        DefaultList(**{**_entry, "user_id": UserId("@default")}, items=(ItemId("war-0"),)),
        command(1, "promote", "nobody"),
        Command(entry_id="c2", event_time=START, action="rollback"),
        ErasureEntry(**_entry),
    ]


def _model_updates() -> list[Record]:
    usual: dict[str, Any] = {"model": "ranker", "table": feature_schema_id(COLUMNS), "score": 0.5, "metric": "mrr"}
    more: dict[str, Any] = {"examples": 5, "reason": "better", "offsets": {"ranking-log-0": 7}, "wall_time": START}
    difference = Difference(mean=0.1, lower=0.0, upper=0.2, people=9)
    variant_status = VariantStatus(
        variant="a",
        role="champion",
        config="default",
        examples=1,
        gain=0.1,
        hit_rate=0.2,
        loss=1.0,
        difference=difference,
    )
    return [
        ModelUpdate(
            **usual, **more, version=2, uri="nowhere.npz", decision="continued", variant_statuses=(variant_status,)
        ),
        ModelUpdate(**usual, **more, version=2, uri="", decision="continued"),
        ModelUpdate(**usual, **more, version=2, uri="", decision="refused", decision_id="d1", difference=difference),
    ]


def _memories() -> list[Record]:
    values = (("category", "likes", "war"), ("item", "bans", "war-1"), ("category", "dislikes", "drama"))
    return [
        Memory(
            memory_id=memory_id(ANN, subject, predicate, value),  # type: ignore[arg-type]
            user_id=ANN,
            subject=subject,  # type: ignore[arg-type]
            predicate=predicate,  # type: ignore[arg-type]
            value=value,
            strength=1.0,
            evidence=(EventId("e1"),),
            valid_from=START,
            recorded_from=START,
            source="inferred",
        )
        for subject, predicate, value in values
    ]


def _plans() -> list[Record]:
    intents, quotas = (Intent(category="war", weight=0.5, confidence=0.9),), (Quota(category="war", at_most=3),)
    plan = Plan(
        plan_id=PlanId("p1"),
        user_id=ANN,
        goal="more war",
        intents=intents,
        quotas=quotas,
        made_at=START,
        expires_at=START + 60.0,
    )
    return [PlanEntry(**_entry, plan=plan, decision="accepted", trigger="session-start")]


def _strays() -> list[Record]:
    return [
        MisroutedRecord(topic=topic, partition=1, offset=5, value=encode(record))
        for topic, records in ((INTERACTIONS, _interactions()), (INSTRUCTIONS, _instructions()))
        for record in records
    ]


def _item_perceptions() -> list[Record]:
    embedding = Embedding(encoder="hashed-words/1", vector=b"\x00\x3c" * 8)
    picture = SeenPicture(width=8, height=4, colours=("#ff0000",), sharpness=2.5, fingerprint="0" * 16)
    seen = {"text": embedding, "image": embedding, "picture": picture, "near_duplicates": (ItemId("war-2"),)}
    return [ItemPerception(item_id=ItemId("war-1"), content="c1", **seen)]


def _signals() -> list[Record]:
    facts = (
        OutsideFact(attribute="director", value="Michael Mann"),
        OutsideFact(attribute="released", value=START, valid_from=START, valid_until=START + 9.0),
        OutsideFact(attribute="streaming", value=True),
    )
    documents = (OutsideDocument(text="A film about a heist.", title="Heat"),)
    about: dict[str, Any] = {"scope": "item", "subject": "war-1", "source": "studio"}
    return [ExternalSignal(**about, trust=0.75, recorded_at=START, facts=facts, documents=documents)]


def _perceived_events() -> list[Record]:
    embedding = Embedding(encoder="hashed-words/1", vector=b"\x00\x3c" * 8)
    return [PerceivedEvent(**_about, until=START + 60.0, kind="review", embedding=embedding, value=4.0)]


def _plan_proposals() -> list[Record]:
    (entry, *_) = _plans()
    assert isinstance(entry, PlanEntry)
    cost = ProposalCost(tokens=120.0, seconds=2.5, money=0.01)
    return [
        PlanProposal(
            user_id=UserId("ann"),
            event_time=START,
            plan=entry.plan,
            answers=entry.plan.plan_id,
            deadline=START + 600.0,
            trigger=entry.trigger,
            trigger_event_id=EventId("e1"),
            cost=cost,
        )
    ]


def _offers() -> list[Record]:
    decision: dict[str, Any] = {**_event, "occasion": EventId("o1"), "reason": "away"}
    items = (RankedItem(item_id=ItemId("war-1"), score=1.5, source="popular", reason="you asked for war"),)
    return [
        Offer(**decision, items=items, expires_at=START + 9.0, worth=0.25, plan_id=PlanId("p1")),
        Withheld(**decision, because="quiet-hours", until=START + 9.0),
    ]


def _letters() -> list[Record]:
    usual: dict[str, Any] = {"topic": INTERACTIONS, "partition": 0, "offset": 9, "wall_time": START}
    letter = DeadLetter(
        dead_letter_id="d1",
        key=b"ann",
        value=b"\xff{",
        headers=(("trace", b"1"), ("none", None)),
        reason="not-json",
        message="no JSON",
        **usual,
    )
    mark = DeadLetter(
        dead_letter_id="d1", key=None, value=None, reason="not-json", message="", state="replayed", **usual
    )
    return [letter, mark]


_MAKERS: dict[str, Callable[[], list[Record]]] = {
    INTERACTIONS: _interactions,
    INSTRUCTIONS: _instructions,
    ERASURES: lambda: [Erasure(**_event)],
    RANK_REQUESTS: lambda: [RankRequest(**_event, surfaces=("home", "cart"))],
    OCCASIONS: lambda: [Occasion(**_event, reason="spring sale")],
    OFFERS: _offers,
    QUARANTINES: lambda: [Quarantine(**_event, lifted=True, reason="a crowd")],
    MISROUTED: _strays,
    ITEMS: _items,
    ITEM_PERCEPTIONS: _item_perceptions,
    EXTERNAL_SIGNALS: _signals,
    PERCEIVED_EVENTS: _perceived_events,
    PLAN_PROPOSALS: _plan_proposals,
    RECOMMENDATIONS: _recommendations,
    PLANS: _plans,
    MEMORIES: _memories,
    RANKING_LOG: _ranking_log,
    ITEM_DELTAS: _deltas,
    ITEM_STATISTICS: _statistics,
    MODEL_UPDATES: _model_updates,
    DEAD_LETTERS: _letters,
}


def valid(topic: str) -> list[Record]:
    """Return records of a topic, of each type and with every field, that its decoder accepts."""
    return _MAKERS[topic]()


def key_of(record: Record) -> str | None:
    """Return the key with which a valid record is published."""
    match record:
        case Memory():
            return memory_key(record.user_id, record.memory_id)
        case Item() | ItemDelta():
            return str(record.item_id)
        case ModelUpdate():
            return f"{record.model}:{record.decision_id}" if record.decision_id else record.model
        case MisroutedRecord():
            return "ann"
        case DeadLetter():
            return record.dead_letter_id
        case Command():
            return None
        case _:
            return str(getattr(record, "user_id", getattr(record, "item_id", None)))

"""A user at autonomy 3 stays away: their agent makes an offer, within its rules, and says when it makes none."""

from __future__ import annotations

from msgspec.structs import replace

from agents.agent_state import PROACTIVE, AgentState
from agents.explanations import Line
from agents.offers import OfferState
from features.memory_state import MemoryStateStore
from schemas.codec import decode
from schemas.ids import UserId
from schemas.instructions import MoreOf, OfferRules, SetAutonomy
from schemas.offers import Occasion, Offer, OfferDecision, Withheld
from schemas.recommendations import RankedItem
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, OCCASIONS, OFFERS, RECOMMENDATIONS
from streams.log.records import RecordSource
from streams.state.partition_store import PEOPLE
from streams.state.rebuild import differences, rebuild_people
from streams.state.user_record import new_user, unpack
from streams.worker.in_memory_runner import InMemoryRunner
from streams.worker.offers import offer_message
from tests.builders import START, click, event_id, impression, item, make_deps, newest_list, send_event, small_catalogue

HOUR, DAY = 3_600.0, 86_400.0
ANN = UserId("ann")
ALL_DAY = OfferRules(per_week=3, quiet_from="00:00", quiet_to="00:00")


class Days:
    """The wall clock, and a stream that moves with it: other users go on."""

    def __init__(self) -> None:
        self.now, self.store, self.clicks = START, MemoryStateStore(), 0
        self.runner = InMemoryRunner(make_deps(clock=lambda: self.now), self.store)
        small_catalogue(self.runner)

    def tell(self, value: object, topic: str = INSTRUCTIONS) -> None:
        send_event(self.runner, value, topic)

    def go_on(self, hours: float) -> None:
        """Let so much time pass; another user is heard of at its end."""
        self.now += hours * HOUR
        self.clicks += 1
        send_event(self.runner, click("bob", f"war-{self.clicks % 4}", at=self.now - START))
        self.runner.run()

    def opt_in(self, rules: OfferRules = ALL_DAY) -> None:
        who = {"user_id": ANN, "event_time": self.now}
        self.tell(SetAutonomy(event_id=event_id(), **who, level=3, offers=rules))
        self.tell(MoreOf(event_id=event_id(), **who, category="comedy"))

    def decisions(self) -> list[OfferDecision]:
        return [decode(OFFERS, record.value, now=self.now) for record in self.runner.log.records(OFFERS)]

    def lists(self) -> int:
        return sum(record.key == b"ann" for record in self.runner.log.records(RECOMMENDATIONS))


def test_who_stays_away_for_a_day_gets_an_offer_with_a_reason() -> None:
    days = Days()
    days.opt_in()
    days.go_on(23)
    assert days.decisions() == []
    before = days.lists()
    days.go_on(2)
    [offer] = days.decisions()
    assert isinstance(offer, Offer)
    assert all(ranked.reason == "because you asked for more comedy" for ranked in offer.items)
    assert 1 <= len(offer.items) <= 3
    assert (offer.user_id, offer.reason, days.lists()) == ("ann", "away", before + 1)


def test_nobody_gets_offers_who_did_not_ask_for_them() -> None:
    days = Days()
    send_event(days.runner, click("ann", "war-0"))
    days.go_on(30)
    assert days.decisions() == []
    days.tell(Occasion(event_id=event_id(), user_id=ANN, event_time=days.now, reason="spring-sale"), OCCASIONS)
    [withheld] = days.decisions()
    assert isinstance(withheld, Withheld)
    assert (withheld.because, withheld.reason) == ("autonomy", "spring-sale")


def test_a_permission_that_another_record_of_the_batch_takes_back_counts() -> None:
    occasion = Occasion(event_id=event_id(), user_id=ANN, event_time=START, reason="spring sale")
    ranked = [(RankedItem(item_id="i1", score=1.0, source="s"), Line("because you asked for more comedy", "memory"))]
    source = RecordSource("occasions", 0, 0, START)
    decided = [
        offer_message(occasion, source, replace(new_user(ANN), agent=agent), ranked).value
        for agent in (AgentState(offers=OfferState()), AgentState(offers=OfferState(), autonomy=PROACTIVE))
    ]
    assert isinstance(decided[0], Withheld)
    assert decided[0].because == "autonomy"
    assert isinstance(decided[1], Offer)


def test_an_occasion_of_a_user_who_was_never_heard_of_stores_nothing() -> None:
    days = Days()
    days.tell(Occasion(event_id=event_id(), user_id=UserId("nobody"), event_time=days.now), OCCASIONS)
    [withheld] = days.decisions()
    assert isinstance(withheld, Withheld)
    assert withheld.because == "autonomy"
    assert all(key != "nobody" for partition in range(4) for key, _ in days.store.scan(PEOPLE, partition))


def test_an_offer_waits_until_quiet_hours_are_over() -> None:
    days = Days()
    asleep = OfferRules(per_week=3, quiet_from=clock(START + DAY - HOUR), quiet_to=clock(START + DAY + 3 * HOUR))
    days.opt_in(asleep)
    days.go_on(24.5)
    [withheld] = days.decisions()
    assert isinstance(withheld, Withheld)
    assert withheld.because == "quiet-hours"
    assert withheld.until is not None
    days.go_on(1)
    assert len(days.decisions()) == 1
    days.now = max(days.now, withheld.until)
    days.go_on(1)
    assert isinstance(days.decisions()[-1], Offer)
    assert days.decisions()[-1].event_time >= withheld.until


def clock(at: float) -> str:
    return f"{int(at % DAY // HOUR):02}:{int(at % HOUR // 60):02}"


def test_a_taken_offer_is_followed_by_another_item_and_an_ignored_one_by_silence() -> None:
    days = Days()
    days.opt_in()
    days.go_on(25)
    first = days.decisions()[-1]
    assert isinstance(first, Offer)
    taken = first.items[0].item_id
    send_event(days.runner, click("ann", taken, at=days.now - START))
    days.go_on(25)
    second = days.decisions()[-1]
    assert isinstance(second, Offer)
    assert second.worth > first.worth
    assert taken not in [ranked.item_id for ranked in second.items]
    days.go_on(25)
    assert days.decisions()[-1] == second  # it stands, so nothing is due


def test_nothing_is_offered_that_the_user_has_met() -> None:
    days = Days()
    days.opt_in()
    comedies = [f"comedy-{number}" for number in range(60)]
    for name in comedies:
        days.runner.send(ITEMS, name, item(name, "comedy"))
    shown = [ranked.item_id for ranked in newest_list(days.runner, "ann").home.items]
    send_event(days.runner, impression("ann", tuple(shown), "l1", at=days.now - START))
    days.go_on(25)
    decided = days.decisions()[-1]
    offered = [ranked.item_id for ranked in decided.items] if isinstance(decided, Offer) else []
    assert not set(offered) & set(shown)


def test_the_log_alone_gives_the_same_users_and_a_second_reading_no_second_offer() -> None:
    days = Days()
    days.opt_in()
    days.go_on(25)
    assert len(days.decisions()) == 1
    topics = (INTERACTIONS, INSTRUCTIONS, OCCASIONS, OFFERS)
    records = [record for topic in topics for record in days.runner.log.records(topic)]
    deps = days.runner.deps
    rebuilt = rebuild_people(records, deps)
    assert differences(days.store, rebuilt, PEOPLE, deps.options.person_partitions) == []
    states = [
        state for partition in range(deps.options.person_partitions) for state in days.store.scan(PEOPLE, partition)
    ]
    [ann] = [unpack(state) for key, state in states if key == "ann"]
    assert ann.agent.offers is not None
    assert ann.agent.offers.open is not None

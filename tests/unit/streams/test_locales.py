"""Users of a locale are shown its items alone: in their own lists and in the lists for users never seen."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.codec import decode
from schemas.ids import ItemId, UserId
from schemas.instructions import PinItem
from schemas.interactions import Click, Context
from schemas.items import Item
from schemas.locales import default_user
from schemas.recommendations import RankRequest, Recommendation
from schemas.topics import INSTRUCTIONS, ITEMS, RANK_REQUESTS, RECOMMENDATIONS
from streams.worker.in_memory_runner import InMemoryRunner
from tests.builders import START, click, event_id, make_runner, newest_list, send_event


def shop() -> InMemoryRunner:
    """Six books in German, six in French and six in any language."""
    runner = make_runner()
    for locale, locales in (("de", ("de",)), ("fr", ("fr", "fr-CA")), ("any", ())):
        for number in range(6):
            name = ItemId(f"{locale}-{number}")
            entry = Item(item_id=name, title=name, available_from=START - 9.0, categories=("books",), locales=locales)
            runner.send(ITEMS, name, entry)
    runner.run()
    return runner


def click_from(locale: str, item: str, *, at: float, user: str = "ann") -> Click:
    return replace(click(user, item, at=at), context=Context(locale=locale))


def languages(made: Recommendation) -> set[str]:
    return {ranked.item_id.split("-")[0] for ranked in made.home.items}


def test_a_list_holds_items_of_the_locale_of_the_newest_event() -> None:
    runner = shop()
    send_event(runner, click_from("de-AT", "any-0", at=0.0))
    assert languages(newest_list(runner, "ann")) == {"de", "any"}
    send_event(runner, click("ann", "any-1", at=10.0))
    assert languages(newest_list(runner, "ann")) == {"de", "any"}, "an event without a locale changes nothing"
    send_event(runner, click_from("fr", "any-2", at=20.0))
    assert languages(newest_list(runner, "ann")) == {"fr", "any"}
    send_event(runner, click_from("de", "any-0", at=5.0))
    assert languages(newest_list(runner, "ann")) == {"fr", "any"}, "a late event moves nobody"


def test_a_pin_does_not_cross_a_border() -> None:
    runner = shop()
    send_event(runner, click_from("de", "any-0", at=0.0))
    pin = PinItem(event_id=event_id(), user_id=UserId("ann"), event_time=START + 5.0, item_id=ItemId("fr-0"))
    send_event(runner, pin, INSTRUCTIONS)
    assert languages(newest_list(runner, "ann")) == {"de", "any"}


def test_a_rank_request_is_answered_for_its_own_locale() -> None:
    runner = shop()
    send_event(runner, click_from("de", "any-0", at=0.0))
    asked = RankRequest(
        event_id=event_id(), user_id=UserId("ann"), event_time=START + 5.0, context=Context(locale="fr")
    )
    send_event(runner, asked, RANK_REQUESTS)
    assert languages(newest_list(runner, "ann")) == {"fr", "any"}


def test_each_locale_of_the_catalogue_has_a_list_for_users_never_seen() -> None:
    runner = shop()
    runner.publish_default()
    records = runner.log.records(RECOMMENDATIONS)
    lists = {r.key.decode(): decode(RECOMMENDATIONS, r.value, now=START + 1e6) for r in records if r.key}
    assert {user: languages(made) for user, made in lists.items()} == {
        default_user(): {"de", "fr", "any"},
        default_user("de"): {"de", "any"},
        default_user("fr"): {"fr", "any"},
        default_user("fr-CA"): {"fr", "any"},
    }


def test_without_locales_there_is_one_list_for_users_never_seen() -> None:
    runner = make_runner()
    runner.send(ITEMS, "a", Item(item_id=ItemId("a"), available_from=START))
    runner.run()
    runner.publish_default()
    assert [record.key for record in runner.log.records(RECOMMENDATIONS)] == [b"@default"]

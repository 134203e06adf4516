"""A user says something in words: the next list obeys it, says what was understood, and follows it until it ends."""

from __future__ import annotations

from typing import Any

from schemas.ids import UserId
from schemas.instructions import OfferRules, Say, SetAutonomy
from schemas.recommendations import RankRequest, Recommendation
from schemas.topics import INSTRUCTIONS, INTERACTIONS, ITEMS, MEMORIES, PLANS, RANK_REQUESTS
from tests.builders import START, click, event_id, item, make_runner, newest_list, send_event, small_catalogue

DAY = 86_400.0


def say(text: str, at: float) -> Say:
    return Say(event_id=event_id(), user_id=UserId("ann"), event_time=START + at, text=text)


def shows_war(recommendation: Recommendation) -> bool:
    return any(ranked.item_id.startswith("war") for ranked in recommendation.home.items)


def items_of(recommendation: Recommendation) -> set[str]:
    return {ranked.item_id for ranked in recommendation.home.items}


def a_runner(**more: Any) -> Any:
    runner = make_runner(**more)
    small_catalogue(runner)
    send_event(runner, click("ann", "war-0"))
    assert shows_war(newest_list(runner, "ann"))
    return runner


def test_the_list_that_answers_obeys_and_says_what_was_understood() -> None:
    runner = a_runner()
    said = say("no war films please, and more comedies", 5)
    send_event(runner, said, INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert not shows_war(answer)
    [reply] = answer.replies
    assert (reply.event_id, reply.text) == (said.event_id, "Understood: no war; more comedy.")
    assert len(reply.understood) == 2
    send_event(runner, click("ann", "comedy-0", at=10))
    after = newest_list(runner, "ann")
    assert (after.replies, shows_war(after)) == ((), False)


def test_only_and_limits_hold_from_the_next_list_on_until_they_end() -> None:
    runner = a_runner()
    for number in range(8):
        old = item(f"comedy-{number}", "comedy", price=float(number), attributes={"year": 1980.0 + number})
        runner.send(ITEMS, old.item_id, old)
    runner.run()
    send_event(runner, say("Only comedies. Nothing over 5 euros for one day.", 5), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert answer.replies[0].questions == ()
    assert items_of(answer) <= {f"comedy-{number}" for number in range(6)}
    assert items_of(answer)
    send_event(runner, say("made between 1983 and 1984", 6), INSTRUCTIONS)
    assert items_of(newest_list(runner, "ann")) == {"comedy-3", "comedy-4"}
    send_event(runner, say("undo", 7), INSTRUCTIONS)
    assert items_of(newest_list(runner, "ann")) == items_of(answer)
    assert {"comedy-6", "comedy-7"} <= items_of(asked_for(runner, DAY + 6))
    send_event(runner, say("forget everything", DAY + 7), INSTRUCTIONS)
    assert shows_war(newest_list(runner, "ann"))


def test_a_limit_of_one_category_leaves_the_others_alone() -> None:
    runner = a_runner()
    for number in range(8):
        for name in ("war", "comedy"):
            runner.send(ITEMS, f"{name}-{number}", item(f"{name}-{number}", name, price=float(number)))
    runner.run()
    send_event(runner, say("no war over 2 euros, and nothing but war or comedies", 5), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert answer.replies[0].text == "Understood: war only with price at most 2; only war; only comedy."
    assert items_of(answer) == {f"comedy-{number}" for number in range(8)} | {"war-1", "war-2"} & items_of(answer)


def test_a_ban_of_weekends_holds_in_the_lists_of_weekends_and_they_end_with_it() -> None:
    runner = a_runner()
    propose = SetAutonomy(
        event_id=event_id(), user_id=UserId("ann"), event_time=START, level=2, offers=OfferRules(time_zone="Asia/Tokyo")
    )
    send_event(runner, propose, INSTRUCTIONS)
    send_event(runner, say("no war on weekends", 5), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert answer.replies[0].text == "Understood: no war on Saturdays and Sundays (Asia/Tokyo)."
    friday = 3 * DAY - 7.5 * 3_600.0  # an hour before the weekend begins in Tokyo; it is Tuesday, 22:13 UTC
    shown, lasts = list[bool](), list[float]()
    for hours in (0, 1, 24, 48, 49):
        send_event(runner, click("ann", f"drama-{hours % 8}", at=friday + hours * 3_600.0), INTERACTIONS)
        newest = newest_list(runner, "ann")
        shown.append(shows_war(newest))
        lasts.append(newest.expires_at - newest.stages["received"])
    assert shown == [True, False, False, False, True]
    assert lasts[0] == 1_000.0


def test_an_exception_lets_in_what_the_ban_keeps_out_and_says_so() -> None:
    runner = a_runner()
    send_event(runner, say("no war, but studio-1, and nothing but war except comedy-3", 5), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert answer.replies[0].text == "Understood: no war, except studio-1; only war, and also Comedy-3."
    send_event(runner, say("no war, but studio-1", 6), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    war = [ranked for ranked in answer.home.items if ranked.item_id.startswith("war")]
    assert {ranked.item_id for ranked in war} <= {"war-1", "war-4", "war-7"}
    assert war[0].reason == "because you excepted studio-1 from “no war”"
    send_event(runner, say("no war", 7), INSTRUCTIONS)
    assert not shows_war(newest_list(runner, "ann"))
    send_event(runner, say("undo", 8), INSTRUCTIONS)
    assert items_of(newest_list(runner, "ann")) == items_of(answer)


def test_at_autonomy_1_words_wait_for_a_yes() -> None:
    runner = a_runner()
    propose = SetAutonomy(event_id=event_id(), user_id=UserId("ann"), event_time=START + 4, level=1)
    send_event(runner, propose, INSTRUCTIONS)
    send_event(runner, say("no war", 5), INSTRUCTIONS)
    answer = newest_list(runner, "ann")
    assert (answer.replies[0].pending, shows_war(answer)) == (True, True)
    assert answer.replies[0].text == "Understood: no war. Say yes to have it so, or cancel."
    send_event(runner, say("yes", 6), INSTRUCTIONS)
    assert not shows_war(newest_list(runner, "ann"))
    send_event(runner, say("only comedies", 7), INSTRUCTIONS)
    send_event(runner, say("cancel", 8), INSTRUCTIONS)
    assert newest_list(runner, "ann").constraints.only_categories == ()


def test_what_is_not_known_of_any_item_is_no_limit() -> None:
    runner = a_runner()
    send_event(runner, say("under 20 euros", 5), INSTRUCTIONS)
    [reply] = newest_list(runner, "ann").replies
    assert (reply.understood, len(reply.questions)) == ((), 1)
    assert shows_war(newest_list(runner, "ann"))


def test_what_is_not_understood_changes_no_memory_and_is_answered() -> None:
    runner = a_runner()
    known = len(runner.log.records(MEMORIES))
    send_event(runner, say("surprise me", 5), INSTRUCTIONS)
    [reply] = newest_list(runner, "ann").replies
    assert reply.understood == ()
    assert len(runner.log.records(MEMORIES)) == known


def test_two_sentences_in_one_batch_are_both_answered_by_the_one_list() -> None:
    runner = a_runner(batch=2)
    for text, at in (("no war", 5), ("undo", 6)):
        runner.send(INSTRUCTIONS, "ann", say(text, at))
    runner.run()
    answer = newest_list(runner, "ann")
    assert [reply.text for reply in answer.replies] == [
        "Understood: no war.",
        "Understood: your last statement is taken back.",
    ]
    assert shows_war(answer)


def test_one_instruction_is_one_plan_however_much_it_says() -> None:
    runner = a_runner()
    before = len(runner.log.records(PLANS))
    send_event(runner, say("no war, less drama, more comedy", 5), INSTRUCTIONS)
    accepted = [record for record in runner.log.records(PLANS)[before:] if b'"accepted"' in record.value]
    assert len(accepted) == 1


def test_a_ban_for_a_day_ends_for_a_list_that_is_asked_for_a_day_later() -> None:
    runner = a_runner()
    send_event(runner, say("no war for one day", 5), INSTRUCTIONS)
    assert not shows_war(newest_list(runner, "ann"))
    assert not shows_war(asked_for(runner, DAY + 4))
    assert shows_war(asked_for(runner, DAY + 6))


def asked_for(runner: Any, at: float) -> Recommendation:
    """Return the list that ann is given at this time; others move the stream on, nothing happens to ann."""
    for number in range(5):
        send_event(runner, click("bob", f"drama-{number}", at=at + 1))
    send_event(runner, RankRequest(event_id=event_id(), user_id=UserId("ann"), event_time=START + at), RANK_REQUESTS)
    return newest_list(runner, "ann")


def test_the_same_words_twice_are_one_instruction() -> None:
    runner = a_runner()
    said = say("no war", 5)
    send_event(runner, said, INSTRUCTIONS)
    version = newest_list(runner, "ann").version
    send_event(runner, said, INSTRUCTIONS)
    assert newest_list(runner, "ann").version == version

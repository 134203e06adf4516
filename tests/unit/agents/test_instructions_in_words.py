"""What people write is turned into statements, or asked back; it never does what was not said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.instructions.languages import LANGUAGES
from agents.instructions.names import Names
from agents.instructions.phrases import recurrence
from agents.instructions.understanding import understand
from agents.instructions.wording import WORDINGS
from features.attribute_values import AttributeValues
from features.recurring_times import WEEKDAYS
from schemas.codec import encode
from schemas.instructions import BanCategory, Instruction, LimitFact, RecurringTime, Say, Weekday
from schemas.replies import Reply

CATEGORIES = ("Horror", "Comedy", "Drama", "Sci-Fi", "Jazz", "Folk", "Superhero", "Home & Garden", "Krimi", "Thriller")
TITLES = (
    ("m1", "Heat (1995)"),
    ("m2", "Psycho (1960)"),
    ("m3", "Psycho (1998)"),
    ("m4", "Never Let Me Go (2010)"),
    ("m5", "The Godfather"),
)
VALUES = AttributeValues()
VALUES.put(0, (("director", "Alfred Hitchcock"), ("cast", "Clint Eastwood|Eli Wallach"), ("artist", "Old Man Joe")))
VALUES.put(1, (("director", "Clint Eastwood"), ("cast", "Cary\tGrant|.|A\x1bB")))
FACTS = ("price", "year", "length", "age", "rating")
SATURDAY_NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()


def reply_to(text: str, **more: Any) -> Reply:
    said = Say(event_id="e", user_id="u", event_time=SATURDAY_NOON, text=text, **more)  # type: ignore[arg-type]
    return understand(said, Names(CATEGORIES, TITLES, FACTS, VALUES))


def stated(statement: Instruction) -> str:
    """Return a statement in short: its tag, what it is about, and when it ends."""
    names = ("category", "item_id", "value", "fact", "at_least", "at_most", "until")
    fields = {name: getattr(statement, name, None) for name in names}
    until = fields.pop("until")
    ends = f" until {datetime.fromtimestamp(until, UTC):%m-%dT%H}" if until is not None else ""
    tag = str(type(statement).__struct_config__.tag)
    at_least, at_most = fields.pop("at_least"), fields.pop("at_most")
    bounds = f" {at_least or 0:g}..{at_most or 0:g}" if isinstance(statement, LimitFact) else ""
    exceptions = getattr(statement, "exceptions", ())
    but = " but " + ", ".join(f"{e.attribute or e.subject} {e.value}" for e in exceptions) if exceptions else ""
    when = getattr(statement, "when", None)
    recurs = f" {'+'.join(day[:3] for day in when.days)} {when.starts}-{when.ends}" if when else ""
    return " ".join([tag, *(str(value) for value in fields.values() if value)]) + bounds + but + recurs + ends


UNDERSTOOD = {
    "no horror": ["ban-category Horror"],
    "No horror, please.": ["ban-category Horror"],
    "no more superhero films until Sunday": ["ban-category Superhero until 11-29T00"],
    "until Sunday, no horror": ["ban-category Horror until 11-29T00"],
    "less horror, more comedies": ["less-of Horror", "more-of Comedy"],
    "Please show me less drama and fewer thrillers for three days": [
        "less-of Drama until 12-01T12",
        "less-of Thriller until 12-01T12",
    ],
    "no horror until Sunday, less drama for a week": [
        "ban-category Horror until 11-29T00",
        "less-of Drama until 12-05T12",
    ],
    "No horror. Until Monday more jazz.": ["ban-category Horror", "more-of Jazz until 11-30T00"],
    "never again jazz": ["ban-category Jazz"],
    "I like folk but not jazz": ["more-of Folk", "ban-category Jazz"],
    "folk instead of jazz": ["more-of Folk", "less-of Jazz"],
    "more folk rather than jazz this week": ["more-of Folk until 11-30T00", "less-of Jazz until 11-30T00"],
    "I don\u2019t like horror movies": ["ban-category Horror"],
    "too much drama until 2026-12-24": ["less-of Drama until 12-24T00"],
    "show me jazz tonight": ["more-of Jazz until 11-29T00"],
    "no comedies until the end of the month": ["ban-category Comedy until 12-01T00"],
    "no sci fi and no home and garden": ["ban-category Sci-Fi", "ban-category Home & Garden"],
    "more commedy": ["more-of Comedy"],
    "no hororr": ["ban-category Horror"],
    "ban heat": ["ban-item m1"],
    'no "Never Let Me Go"': ["ban-item m4"],
    "no horror, but Hitchcock": ["ban-category Horror but director Alfred Hitchcock"],
    "No horror except for films by Hitchcock and Heat until Sunday, please": [
        "ban-category Horror but director Alfred Hitchcock, item m1 until 11-29T00"
    ],
    "no horror or drama unless it's a comedy": [
        "ban-category Horror but category Comedy",
        "ban-category Drama but category Comedy",
    ],
    "no thriller, apart from clint eastwood's": [
        "ban-category Thriller but cast Clint Eastwood, director Clint Eastwood"
    ],
    "nothing but comedies except Hitchcock": ["only-category Comedy but director Alfred Hitchcock"],
    "no horror, but home & garden and sci-fi": ["ban-category Horror but category Home & Garden, category Sci-Fi"],
    "no horror but Hitchcock and Alfred Hitchcock": ["ban-category Horror but director Alfred Hitchcock"],
    "no horror, but Alfred": ["ban-category Horror but director Alfred Hitchcock"],
    'no horror, but "alfred"': ["ban-category Horror but director Alfred Hitchcock"],
    "no horror but joe and cary grant": ["ban-category Horror but artist Old Man Joe, cast Cary Grant"],
    "no horror on Friday evenings between 19:00 and 22:00": ["ban-category Horror fri 19:00-22:00"],
    "freitagabends zwischen 18:00 und 22:00 kein Horror": ["ban-category Horror fri 18:00-22:00"],
    "no horror from 18:00 to 24:00": ["ban-category Horror mon+tue+wed+thu+fri+sat+sun 18:00-00:00"],
    "no horror at the weekend": ["ban-category Horror sat+sun 00:00-00:00"],
    "no horror Friday evenings": ["ban-category Horror fri 18:00-00:00"],
    "no horror on Friday evenings and Saturday evenings": ["ban-category Horror fri+sat 18:00-00:00"],
    "every Friday and Saturday evening no horror": ["ban-category Horror fri+sat 18:00-00:00"],
    "kein Horror freitags und samstags abends": ["ban-category Horror fri+sat 18:00-00:00"],
    "kein Horror täglich von 18:00 bis 24:00 Uhr": ["ban-category Horror mon+tue+wed+thu+fri+sat+sun 18:00-00:00"],
    "no horror on Mondays, no drama on Tuesdays": [
        "ban-category Horror mon 00:00-00:00",
        "ban-category Drama tue 00:00-00:00",
    ],
    "no horror, but more comedy": ["ban-category Horror", "more-of Comedy"],
    "kein Horror, außer Hitchcock": ["ban-category Horror but director Alfred Hitchcock"],
    "keine Krimis, es sei denn von Hitchcock, bis Sonntag": [
        "ban-category Krimi but director Alfred Hitchcock until 11-29T00"
    ],
    "nichts als Folk mit Ausnahme von Jazz": ["only-category Folk but category Jazz"],
    "no drama on weekends": ["ban-category Drama sat+sun 00:00-00:00"],
    "on weekends, no horror or drama": [
        "ban-category Horror sat+sun 00:00-00:00",
        "ban-category Drama sat+sun 00:00-00:00",
    ],
    "only comedies on Friday evenings": ["only-category Comedy fri 18:00-00:00"],
    "No horror every Friday and Saturday evening until 2026-12-24": [
        "ban-category Horror fri+sat 18:00-00:00 until 12-24T00"
    ],
    "no horror on weekdays from 8:00 to 18:30": ["ban-category Horror mon+tue+wed+thu+fri 08:00-18:30"],
    "no thrillers at night": ["ban-category Thriller mon+tue+wed+thu+fri+sat+sun 22:00-06:00"],
    "no heat on Sundays": ["ban-item m1 sun 00:00-00:00"],
    "on Mondays no horror, but Hitchcock": ["ban-category Horror but director Alfred Hitchcock mon 00:00-00:00"],
    "nothing over two hours on weekdays": ["limit length 0..120 mon+tue+wed+thu+fri 00:00-00:00"],
    "no horror over two hours in the evening": ["limit Horror length 0..120 mon+tue+wed+thu+fri+sat+sun 18:00-00:00"],
    "kein Horror an Wochenenden": ["ban-category Horror sat+sun 00:00-00:00"],
    "nur Krimis freitagabends": ["only-category Krimi fri 18:00-00:00"],
    "keine Krimis freitags und samstags von 18:00 bis 22:00 Uhr": ["ban-category Krimi fri+sat 18:00-22:00"],
    "abends kein Horror": ["ban-category Horror mon+tue+wed+thu+fri+sat+sun 18:00-00:00"],
    "kein Drama unter der Woche bis Sonntag": ["ban-category Drama mon+tue+wed+thu+fri 00:00-00:00 until 11-29T00"],
    "jeden Freitagabend nur Jazz": ["only-category Jazz fri 18:00-00:00"],
    "pin the godfather": ["pin-item m5"],
    "allow horror again": ["lift Horror"],
    "undo": ["undo"],
    "take that back": ["undo"],
    "only comedies until Sunday": ["only-category Comedy until 11-29T00"],
    "only sci-fi and drama under two hours": ["limit length 0..120", "only-category Sci-Fi", "only-category Drama"],
    "under 20 euros": ["limit price 0..20"],
    "nothing over $20.50": ["limit price 0..20.5"],
    "I don't want films over 2 hours": ["limit length 0..120"],
    "not longer than 2 hours 15": ["limit length 0..135"],
    "nothing over 12 years for three days": ["limit age 0..12 until 12-01T12"],
    "at most PG-13": ["limit age 0..13"],
    "nothing before 1990": ["limit year 1990..0"],
    "newer than 1999": ["limit year 2000..0"],
    "films from the 80s": ["limit year 1980..1989"],
    "between 1990 and 2000": ["limit year 1990..2000"],
    "a rating of at least 7": ["limit rating 7..0"],
    "no horror over two hours": ["limit Horror length 0..120"],
    "no horror that is over two hours until Sunday": ["limit Horror length 0..120 until 11-29T00"],
    "no comedies or dramas before 1990": ["limit Comedy year 1990..0", "limit Drama year 1990..0"],
    "comedies under 90 minutes": ["limit Comedy length 0..90"],
    "no thriller with a rating under 7": ["limit Thriller rating 7..0"],
    "keine Krimis über 20 Euro": ["limit Krimi price 0..20"],
    "nichts aus Horror, was länger als zwei Stunden ist": ["limit Horror length 0..120"],
    "shorter than 90 minutes, more drama": ["limit length 0..90", "more-of Drama"],
    "more drama, and less horror, nothing over 2 hours": ["more-of Drama", "less-of Horror", "limit length 0..120"],
    "forget the price": ["lift price"],
    "forget everything I said": ["lift-all"],
    "nur Krimis bis Sonntag": ["only-category Krimi until 11-29T00"],
    "höchstens 20 Euro": ["limit price 0..20"],
    "keine Filme über zwei Stunden": ["limit length 0..120"],
    "nichts vor 1990": ["limit year 1990..0"],
    "aus den 80ern": ["limit year 1980..1989"],
    "zwischen 10 und 20 Euro": ["limit price 10..20"],
    "vergiss alles": ["lift-all"],
    "keine Horrorfilme mehr bis Sonntag": ["ban-category Horror until 11-29T00"],
    "nie wieder Jazz": ["ban-category Jazz"],
    "ich mag keine Krimis": ["ban-category Krimi"],
    "weniger Drama, mehr Jazz": ["less-of Drama", "more-of Jazz"],
    "lieber Folk als Jazz": ["more-of Folk", "less-of Jazz"],
    "Folk statt Jazz für zwei Wochen": ["more-of Folk until 12-12T12", "less-of Jazz until 12-12T12"],
    "nicht so viele Krimis heute": ["less-of Krimi until 11-29T00"],
    "zeig mir wieder Jazz": ["lift Jazz"],
    "behalte „Heat“": ["pin-item m1"],
    "rückgängig": ["undo"],
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_what_is_said_is_understood(text: str) -> None:
    reply = reply_to(text)
    assert ([stated(statement) for statement in reply.understood], reply.questions) == (UNDERSTOOD[text], ())


ASKED_BACK = {
    "hide psycho": ("Psycho (1960)", "Psycho (1998)"),
    "never let me go": ("Never Let Me Go (2010)",),
    "no xyzzy": (),
    "no horror, but Hitch": (),
    "no horror, but old ones": ("Old Man Joe",),
    "no horror, but A\x1bB": (),
    "no horror but a or b or c or d or e or f or g or h or i or j or k or l or m or n or o or p or q or r": (),
    "no horror except psycho": ("Psycho (1960)", "Psycho (1998)"),
    "no horror except Heat and psycho": ("Psycho (1960)", "Psycho (1998)"),
    "no horror except": (),
    "no horror except on weekends": (),
    "no horror except after 1990": (),
    "no horror under two hours but Hitchcock": (),
    "only comedies except Hitchcock": (),
    "less horror, but Hitchcock": (),
    "more horror except Hitchcock": (),
    "no heat, but Hitchcock": (),
    "no drama every other day": (),
    "no drama on Friday": (),
    "no drama from 25:00 to 26:00": (),
    "no horror on weekends and on Friday evenings": (),
    "no horror in the evenings and on weekends": (),
    "no horror on Mondays from 9:00 to 12:00 and from 14:00 to 18:00": (),
    "no horror on Sunday mornings and evenings": (),
    "on Mondays no horror, on Tuesdays no drama": (),
    "no horror on Mondays, on Tuesdays no drama": (),
    "every Friday evening and every Sunday no horror": (),
    "no horror on Saturday and Sunday": (),
    "no horror on Friday evening": (),
    "kein Horror sonntags morgens und abends": (),
    "kein Horror am Freitagabend": (),
    "more drama on weekends": (),
    "pin the godfather on weekends": (),
    "less drama on weekends": (),
    "no horror but Hitchcock on weekends": (),
    "kein Horror jeden zweiten Tag": (),
    "no horror until 2026-13-45": (),
    "kein Horror außer Psycho": ("Psycho (1960)", "Psycho (1998)"),
    "only heat": (),
    "no heat over 2 hours": (),
    "no xyzzy over 2 hours": (),
    "less horror over 2 hours": (),
    "over 7": (),
    "no films between 10 and 20 euros": (),
    "weight under 3": (),
    "up to 3 days": (),
    "less under 20 euros": (),
    "more heat": (),
    "surprise me": (),
    "hello there": (),
    "horror": (),
    "more": (),
    "   ": (),
}


@pytest.mark.parametrize("text", ASKED_BACK)
def test_what_is_not_clear_changes_nothing_and_is_asked_back(text: str) -> None:
    reply = reply_to(text)
    assert (reply.understood, reply.choices) == ((), ASKED_BACK[text])
    assert bool(reply.questions) == bool(text.strip())


def test_one_part_may_be_clear_and_another_not() -> None:
    reply = reply_to("no horror and more xyzzy")
    assert [stated(statement) for statement in reply.understood] == ["ban-category Horror"]
    assert reply.text == "Understood: no Horror. There is no “xyzzy” here."


@pytest.mark.parametrize("time", ["on weekends", "after 1990", "every Friday evening"])
def test_a_time_or_a_limit_behind_an_exception_says_nothing_of_other_clauses(time: str) -> None:
    reply = reply_to(f"no drama, no horror except {time}, no jazz")
    assert [stated(statement) for statement in reply.understood] == ["ban-category Drama", "ban-category Jazz"]
    assert reply.questions


DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True)
CLOCKS = st.sampled_from(["00:00", "06:00", "09:30", "18:00", "23:59"])


@given(DAYS, CLOCKS, CLOCKS, st.sampled_from(["en", "de"]))
def test_a_time_that_is_echoed_can_be_said_back(days: list[Weekday], starts: str, ends: str, language: str) -> None:
    in_order = tuple(day for day in WEEKDAYS if day in days)
    when = RecurringTime(days=in_order, starts=starts, ends=ends)
    ban = {"en": "no horror", "de": "kein Horror"}[language]
    [statement] = reply_to(ban + recurrence(when, WORDINGS[language])).understood
    whole = {"starts": "00:00", "ends": "00:00"} if starts == ends else {}
    assert isinstance(statement, BanCategory)
    assert statement.when == replace(when, **whole)


def test_days_begin_at_midnight_where_the_user_is() -> None:
    [statement] = reply_to("no horror until Sunday", time_zone="America/New_York").understood
    assert stated(statement) == "ban-category Horror until 11-29T05"
    assert reply_to("no horror until Sunday", time_zone="Mars").text == reply_to("no horror until Sunday").text


def test_the_reply_says_it_in_the_language_it_was_said_in() -> None:
    assert reply_to("no horror until sunday").text == "Understood: no Horror until Sunday 29 November 2026."
    assert reply_to("kein Horror bis Sonntag").text == "Verstanden: nichts aus Horror bis Sonntag, 29. November 2026."


WORDS = sorted(
    {word for words in LANGUAGES.values() for phrases in words.phrases.values() for word in phrases}
    | {
        "horror",
        "Psycho",
        '"',
        "until sunday",
        "für drei tage",
        "but",
        ",",
        ".",
        "and",
        "\x00",
        "7",
        "every day",
        "until 9999-12-31",
        "for 999 years",
        "under 20 euros",
        "over",
        "between 1 and 1999",
    }
)


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), min_size=1, max_size=30).map(" ".join))
def test_any_text_gets_a_reply(text: str) -> None:
    reply = reply_to(text[:1_000] or ".")
    assert len(reply.understood) <= 256
    assert reply.text
    # Who reads the list refuses it whole if a part of the reply is out of bounds.
    assert msgspec.json.decode(encode(reply), type=Reply) == reply


def test_a_text_of_nothing_but_unknown_names_and_a_far_end_stays_within_bounds() -> None:
    far = reply_to("no horror until 9999-12-31")
    unknown = reply_to("no " + " and ".join(f"x{number}y" for number in range(140)) + "." + " more q," * 30)
    for reply in (far, unknown):
        assert msgspec.json.decode(encode(reply), type=Reply) == reply
    assert len(unknown.questions) > 10
    assert len(far.understood) == 1

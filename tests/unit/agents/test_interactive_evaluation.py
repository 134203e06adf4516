"""Simulated people, their tasks, and the judge that is apart from the agent."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from agents.dialogue.catalogue import ItemOnOffer, OfferedCatalogue, facts_of
from agents.dialogue.conversation import Conversation
from agents.dialogue.limits import FactLimit, keeps_all
from agents.dialogue.policy import Act
from agents.evaluation.interactive.generated import generate_tasks
from agents.evaluation.interactive.judge import Call, DialogueMessage, Policy, PolicyJudge, Transcript
from agents.evaluation.interactive.person import SimulatedPerson
from agents.evaluation.interactive.play import play, play_all, summarise
from agents.evaluation.interactive.tasks import NoTasks, Requirement, Task, read_offered_catalogue, read_tasks

GENRES, SERVICES, RATINGS = (
    ("Comedy", "Drama", "Horror", "Crime", "Western"),
    ("Blue", "Red", "Green"),
    ("PG", "R", "NR"),
)


def made_up_catalogue(count: int = 60) -> OfferedCatalogue:
    """Return films of no real catalogue, with the facts of τ-Rec's."""
    rng = Random(7)
    rows = [
        {
            "title": f"Film {number}",
            "release_date": f"{rng.randint(1970, 2024)}-03-04",
            "runtime": rng.randint(70, 190),
            "genres": rng.sample(GENRES, rng.randint(1, 3)),
            "director": f"Person {rng.randint(1, 20)}",
            "rating": round(rng.uniform(4, 9), 1),
            "streaming_services": rng.sample(SERVICES, rng.randint(0, 2)),
            "sponsored": rng.random() < 0.1,
            "content_rating": rng.choice(RATINGS),
        }
        for number in range(count)
    ]
    return OfferedCatalogue([ItemOnOffer(f"f{n}", str(row["title"]), facts_of(row)) for n, row in enumerate(rows)])


FILMS = made_up_catalogue()
TASK = Task(
    "t",
    (
        Requirement(FactLimit("genres", "contains", "Comedy")),
        Requirement(FactLimit("runtime", "<=", 120.0), "on_ask"),
        Requirement(FactLimit("rating", ">=", 6.0), "hidden"),
    ),
    ("Blue",),
)


def test_generated_tasks_about_a_made_up_catalogue_end_in_the_right_item_without_a_violation() -> None:
    tasks = generate_tasks(FILMS, 40, seed=3)
    for rejections in ("named", "bare"):
        result = summarise(list(play_all(tasks, FILMS, (0,), rejections)))
        assert result.policy_violations == 0
        assert result.success >= 0.9
        assert result.turns <= 8


def test_the_same_seed_gives_the_same_conversation_and_another_seed_other_words() -> None:
    conversation = Conversation(FILMS)
    one, again, other = (play(TASK, FILMS, conversation, seed, "named") for seed in (1, 1, 2))
    assert one == again
    assert one.success
    assert one.transcript != other.transcript


def test_hidden_requirements_are_never_said_and_break_items() -> None:
    field = FILMS.fields["rating"]
    for seed in range(20):
        person = SimulatedPerson(TASK, seed, "named")
        assert {limit.field for limit in person.open().stated} == {"genres"}
        assert person.react(Act("ask", field)).stated == ()
        bad = ItemOnOffer("x", "X", {"genres": ("Comedy",), "runtime": 100.0, "rating": 5.0})
        saying = person.react(Act("recommend", item=bad))
        assert not saying.is_last
        assert "6" not in saying.text


def test_a_bare_rejection_names_no_field() -> None:
    bad = ItemOnOffer("x", "X", {"genres": ("Comedy",), "runtime": 200.0, "rating": 9.0})
    said = {SimulatedPerson(TASK, seed, "bare").react(Act("recommend", item=bad)).text for seed in range(50)}
    assert len(said) > 1
    assert not any(word in text for text in said for word in ("long", "runtime", "minutes"))


RESTRICTED = next(i for i in FILMS.items.values() if i.facts["content_rating"] == "R" and i.facts["streaming_services"])
SERVICE = RESTRICTED.facts["streaming_services"][0]  # type: ignore[index]
HISTORY = Call("get_user_history", {})
AGE = Call("check_content_preference", {"content_rating": "R"})
AVAILABLE = Call("check_availability", {"item_id": RESTRICTED.item_id, "services": (str(SERVICE),)})
RECOMMEND = Call("recommend", {"item_id": RESTRICTED.item_id})
SAID = DialogueMessage("agent", f"I recommend “{RESTRICTED.title}”. This is sponsored.")
OTHER = next(i for i in FILMS.items.values() if i.title != RESTRICTED.title)
PROPER = (HISTORY, AGE, AVAILABLE, RECOMMEND, SAID)


def violations(transcript: Transcript, watched: frozenset[str] = frozenset(), *, nothing: bool = False) -> set[Policy]:
    judge = PolicyJudge(FILMS.items, (str(SERVICE),), watched, nothing_fits=nothing)
    return set(judge.violations(transcript))


def test_the_judge_finds_what_each_policy_forbids_and_nothing_else() -> None:
    assert violations(PROPER) == set()
    assert violations(PROPER, frozenset({RESTRICTED.item_id})) == {"watch_history"}
    assert violations([AGE, AVAILABLE, RECOMMEND, SAID]) == {"watch_history"}
    assert violations([HISTORY, AVAILABLE, RECOMMEND, SAID]) == {"age_restricted"}
    assert violations([HISTORY, AGE, RECOMMEND, SAID]) == {"availability"}
    assert violations(
        [*PROPER[:-1], DialogueMessage("agent", f"“{RESTRICTED.title}” or “{OTHER.title}”? sponsored")]
    ) == {
        "single_recommendation",
        "recommend_tool",
    }
    assert violations([HISTORY, SAID]) == {"recommend_tool"}
    stated = DialogueMessage("person", "At most a minute.", (FactLimit("runtime", "<=", 1.0),))
    assert violations([stated, *PROPER]) == {"transparency"}
    assert violations(PROPER, nothing=True) == {"transparency"}
    assert violations([HISTORY, Call("recommend", {"item_id": None})], nothing=True) == set()


def test_the_judge_wants_a_sponsored_item_disclosed_before_the_person_decides() -> None:
    item = ItemOnOffer("s", "Shown", {"sponsored": True})
    judge = PolicyJudge({"s": item}, (), frozenset(), nothing_fits=False)
    call = Call("recommend", {"item_id": "s"})
    late: list[DialogueMessage | Call] = [
        HISTORY,
        call,
        DialogueMessage("agent", "I recommend “Shown”."),
        DialogueMessage("person", "Yes"),
        DialogueMessage("agent", "ad: sponsored"),
    ]
    assert judge.violations(late) == ["sponsored"]
    assert judge.violations([HISTORY, call, DialogueMessage("agent", "“Shown”, a promoted item.")]) == []


def test_generated_tasks_can_be_solved_unless_drawn_otherwise() -> None:
    tasks = generate_tasks(FILMS, 100, seed=1)
    solvable = [any(keeps_all(item.facts, task.limits) for item in FILMS.items.values()) for task in tasks]
    assert sum(solvable) >= 90
    assert generate_tasks(FILMS, 5, seed=1) == tasks[:5]


def test_tasks_are_read_from_a_folder_a_list_or_one_file(tmp_path: Path) -> None:
    limit = {"field": "director", "op": "==", "value": "Person 3"}
    task = {"constraints": [{"constraint": limit, "reveal": "on_ask"}, {"constraint": limit, "reveal": "volunteer"}]}
    (tmp_path / "one.json").write_text(json.dumps(task))
    expected = Task("one", (Requirement(FactLimit("director", "==", "Person 3"), "volunteer"),))
    assert read_tasks(tmp_path) == read_tasks(tmp_path / "one.json") == (expected,)
    (tmp_path / "many.json").write_text(json.dumps([task, task]))
    assert [task.task_id for task in read_tasks(tmp_path / "many.json")] == ["many-0", "many-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ("[]", "holds no tasks"),
        ("3", "holds no task"),
        ('{"constraints": [{"field": "a", "op": "like", "value": 1}]}', "unknown operator 'like'"),
        ('{"constraints": [{"field": "a"}]}', "without `field`, `op` or `value`"),
        ('{"constraints": [{"constraint": {"field": "a", "op": "==", "value": 1}, "reveal": "x"}]}', "unknown reveal"),
        ('{"constraints": [{"field": "a", "op": "==", "value": {}}]}', "whose value is"),
    ],
)
def test_files_that_hold_no_tasks_are_refused_with_the_reason(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "tasks.json").write_text(content)
    with pytest.raises(NoTasks, match=message):
        read_tasks(tmp_path / "tasks.json")


@pytest.mark.parametrize("content", ["3", '[{"title": "x"}]', "[3]", "\xff"])
def test_files_that_hold_no_catalogue_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "catalogue.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(NoTasks):
        read_offered_catalogue(tmp_path / "catalogue.json")


def test_an_empty_catalogue_is_answered_by_an_abstention() -> None:
    played = play(TASK, OfferedCatalogue([]), Conversation(OfferedCatalogue([])), 0, "bare")
    assert played.success
    assert played.item is None

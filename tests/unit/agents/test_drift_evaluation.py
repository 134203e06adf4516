"""The study of changing preferences: its files, its feedback, its shoppers and what memories answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from agents.evaluation.baselines import AccumulatedFacts, DecayingFacts, NewestFacts
from agents.evaluation.drift import COMPARED, MEASURES, Play, evaluate
from agents.evaluation.feedback import Fact, Feedback, facts, feedback
from agents.evaluation.lifelong_memory import LifelongMemory
from agents.evaluation.pahf import Feature, NoStudy, Persona, Question, Study, read_study
from agents.evaluation.shopper import UNINFORMED, Belief, CautiousShopper, CuriousShopper, TasteMemory
from features.decay import DAY
from tests.unit.agents.made_up_study import write_study

RED, GREEN = Feature("lamp", "colour", "red"), Feature("lamp", "colour", "green")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return read_study(write_study(tmp_path))


def heard_of(memory: TasteMemory, *facts_heard: Fact, at: float = 0.0) -> Belief:
    memory.hear("Ada", Feedback("none"), facts_heard, at)
    return memory.beliefs("Ada", [RED], at).get(RED, UNINFORMED)


def test_every_answer_of_the_study_follows_from_the_personas(study: Study) -> None:
    for phase, questions in study.phases.items():
        for question in questions:
            persona = (study.before if phase <= 2 else study.after)[question.user]
            said = {feedback(question, choice, persona).kind for choice in (0, 1, 2, None) if choice != question.answer}
            assert said <= {"refused", "missed", "better"}
            assert feedback(question, question.answer, persona).kind in {"right", "none"}


def test_a_user_names_the_first_feature_that_is_wrong_and_says_so_where_it_was_liked_before(study: Study) -> None:
    before, after = study.before["Ada"], study.after["Ada"]

    def accepted(one: Feature, persona: Persona) -> bool:
        return persona[one.product][one.attribute].accepts(one.value)

    question, choice, option = next(
        (question, index, option)
        for question in study.phases[3]
        for index, option in enumerate(question.options)
        if question.user == "Ada" and all(accepted(one, before) for one in option)
    )
    turned = feedback(question, choice, after, before)
    assert (turned.kind, turned.named) == ("changed", next(one for one in option if not accepted(one, after)))
    assert [fact.kind for fact in facts(turned)] == ["dislikes"]


def test_what_is_said_about_a_better_option_tells_the_preferred_feature_from_the_liked_ones() -> None:
    heard = Feedback("better", (GREEN, RED), RED)
    assert facts(heard) == (Fact(GREEN, "likes"), Fact(RED, "prefers"))


def test_the_memories_differ_in_what_they_believe_once_they_are_contradicted() -> None:
    likes, dislikes = Fact(RED, "likes"), Fact(RED, "dislikes")
    for make, opinion in ((AccumulatedFacts, 2.0), (NewestFacts, -1.0), (lambda: DecayingFacts(DAY), -0.25)):
        memory = make()
        heard_of(memory, *[likes] * 3)
        assert heard_of(memory, dislikes, at=2 * DAY).opinion == opinion
    lifelong = LifelongMemory()
    heard_of(lifelong, *[likes] * 3)
    assert heard_of(lifelong, dislikes, at=2 * DAY).opinion < 0


class Believing:
    """A memory that believes what it is made with."""

    def __init__(self, opinions: dict[Feature, float], changed_at: float | None = None) -> None:
        self.opinions, self.changed = opinions, changed_at

    def hear(self, user: str, heard: Feedback, learned: Sequence[Fact], at: float) -> None: ...

    def beliefs(self, user: str, features: Sequence[Feature], at: float) -> Mapping[Feature, Belief]:
        return {one: Belief(self.opinions[one]) for one in features if one in self.opinions}

    def changed_at(self, user: str, product: str) -> float | None:
        return self.changed


def test_only_a_curious_shopper_tries_out_the_unknown_and_only_while_tastes_are_steady(study: Study) -> None:
    question, rng = study.phases[1][0], Random(0)
    curious = CuriousShopper(study.values)
    unknown, changed = Believing({}), Believing({}, changed_at=0.0)
    assert CautiousShopper().choose(question, unknown, 0.0, rng, corrected=True) is None
    assert curious.choose(question, unknown, 0.0, rng, corrected=True) is not None
    assert curious.choose(question, unknown, 0.0, rng, corrected=False) is None
    assert curious.choose(question, changed, DAY, rng, corrected=True) is None
    assert curious.choose(question, changed, 30 * DAY, rng, corrected=True) is not None


def test_a_curious_shopper_expects_half_of_an_attributes_values_to_be_liked(study: Study) -> None:
    red, blue, green = (Feature("lamp", "colour", value) for value in ("red", "blue", "green"))
    question, curious, rng = Question("Ada", "lamp", ((green,),), None), CuriousShopper(study.values), Random(0)

    def buys(opinions: dict[Feature, float], *, corrected: bool = False) -> bool:
        return curious.choose(question, Believing(opinions), 0.0, rng, corrected=corrected) == 0

    assert buys({red: -1.0, blue: -1.0})
    assert not buys({red: -1.0, blue: 1.0})
    assert not buys({red: 1.0, blue: 1.0}, corrected=True)


def test_a_curious_shopper_learns_how_much_a_user_likes_where_it_knows_all(study: Study) -> None:
    colours, shapes = study.values["lamp", "colour"], study.values["lamp", "shape"]
    curious, rng, fond = CuriousShopper(study.values), Random(0), Believing(dict.fromkeys(colours, 1.0))
    shape = Question("Ada", "lamp", ((shapes[0],),), None)
    assert curious.choose(shape, fond, 0.0, rng, corrected=False) is None
    assert curious.choose(Question("Ada", "lamp", ((colours[0],),), 0), fond, 0.0, rng, corrected=False) == 0
    assert curious.choose(shape, fond, 0.0, rng, corrected=False) == 0


def test_no_answer_depends_on_later_questions(study: Study) -> None:
    """With feedback only on earlier questions, the first rounds of two studies that differ later are equal."""
    cut = Study({**study.phases, 3: (), 4: ()}, study.before, study.before, study.values)
    whole, part = (Play(one, LifelongMemory(), CautiousShopper(), seed=1).shares() for one in (study, cut))
    assert (whole["phase_1"], whole["phase_2"]) == (part["phase_1"], part["phase_2"])


def test_facts_that_are_heard_the_wrong_way_round_cost_answers(study: Study) -> None:
    clear, confused = (Play(study, AccumulatedFacts(), CautiousShopper(), 1, noise).shares() for noise in (0.0, 1.0))
    assert confused["phase_2"] < clear["phase_2"]


def test_results_are_paired_and_the_same_seed_gives_them_again(study: Study) -> None:
    results = evaluate(study, (0, 1))
    assert results == evaluate(study, (0, 1))
    assert len(results) == 2 * len(COMPARED)
    for result in results:
        assert tuple(result.shares) == MEASURES
        assert all(0.0 <= share.mean <= 1.0 for share in result.shares.values())
    assert results[0].shares["phase_4"].difference == 0.0


@pytest.mark.parametrize(("name", "text"), [("phase2.json", "[{}]"), ("persona_info.json", "no JSON")])
def test_files_that_are_not_the_studys_are_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    (write_study(tmp_path) / name).write_text(text)
    with pytest.raises(NoStudy, match=name):
        read_study(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(NoStudy, match=name):
        read_study(tmp_path)

"""Play a study of changing preferences: learn, ask, learn what has changed, ask again.

| phase | rounds | feedback | preferences |
|-------|--------|----------|-------------|
| 1     | 3      | yes      | former      |
| 2     | 1      | no       | former      |
| 3     | 3      | yes      | new         |
| 4     | 1      | no       | new         |

A round is a week in which every question of the phase is asked once, in an order that the seed draws, a user's
questions evenly spaced. Every answer is chosen before its feedback is given. A phase's result is its last round's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, stdev

from msgspec import Struct

from agents.evaluation.baselines import AccumulatedFacts, DecayingFacts, NewestFacts
from agents.evaluation.feedback import Fact, feedback
from agents.evaluation.lifelong_memory import LifelongMemory
from agents.evaluation.pahf import PHASES, Question, Study
from agents.evaluation.shopper import CautiousShopper, CuriousShopper, Shopper, TasteMemory
from features.decay import DAY

START = 1_700_000_000.0
"""Event time of the first round; any other gives the same results."""
ROUND = 7 * DAY
ROUNDS = {1: 3, 2: 1, 3: 3, 4: 1}
CORRECTED = frozenset({1, 3})
COMPARED: tuple[Callable[[], TasteMemory], ...] = (LifelongMemory, AccumulatedFacts, NewestFacts, DecayingFacts)
MEASURES = ("phase_1", "phase_2", "first_round_after_drift", "phase_3", "phase_4")


class SeededShare(Struct, frozen=True):
    """A share of right answers: its mean and standard deviation over seeds, and the mean difference to Lifelong's."""

    mean: float
    spread: float
    difference: float
    difference_spread: float


class DriftResult(Struct, frozen=True):
    """The results of one memory, asked by one shopper, by measure."""

    memory: str
    shopper: str
    shares: dict[str, SeededShare]


@dataclass(frozen=True)
class Play:
    """One memory, asked by one shopper. `noise` is the share of facts that the memory hears the wrong way round.

    The order of the questions and what is heard wrongly follow from the seed; no memory or choice changes them.
    """

    study: Study
    memory: TasteMemory
    shopper: Shopper
    seed: int
    noise: float = 0.0

    def shares(self) -> dict[str, float]:
        """Play the four phases; return the share of right answers by measure."""
        shares: dict[str, float] = {}
        start = START
        for phase in PHASES:
            for index in range(ROUNDS[phase]):
                right = self._round(phase, start, Random(f"{self.seed}/{phase}/{index}"))
                shares[f"phase_{phase}"] = right / max(1, len(self.study.phases[phase]))
                if phase == 3 and index == 0:
                    shares["first_round_after_drift"] = shares["phase_3"]
                start += ROUND
        return shares

    def _round(self, phase: int, start: float, rng: Random) -> int:
        """Ask every question of the phase once; return how many answers are right."""
        questions = list(self.study.phases[phase])
        rng.shuffle(questions)
        asked = Counter(question.user for question in questions)
        number: Counter[str] = Counter()
        right = 0
        for question in questions:
            at = start + ROUND * number[question.user] / asked[question.user]
            number[question.user] += 1
            own = Random(rng.random())
            choice = self.shopper.choose(question, self.memory, at, own, corrected=phase in CORRECTED)
            right += choice == question.answer
            if phase in CORRECTED:
                self._correct(question, choice, phase, at, own)
        return right

    def _correct(self, question: Question, choice: int | None, phase: int, at: float, rng: Random) -> None:
        """Let the memory learn from what the user says about the choice."""
        before, after = self.study.before[question.user], self.study.after[question.user]
        heard = feedback(question, choice, before) if phase < 3 else feedback(question, choice, after, before)
        learned = [
            _reversed(one) if rng.random() < self.noise else one for one in self.shopper.learned(question, heard)
        ]
        self.memory.hear(question.user, heard, learned, at)


def _reversed(fact: Fact) -> Fact:
    return Fact(fact.feature, "likes" if fact.kind == "dislikes" else "dislikes")


def evaluate(
    study: Study, seeds: Sequence[int], tell: Callable[[int, int], None] | None = None, *, noise: float = 0.0
) -> list[DriftResult]:
    """Return the results of every memory with every shopper over these seeds, paired: the same questions in order.

    `tell` is called with the runs done and in all; `noise` is that of `Play`.
    """
    shoppers: dict[str, Callable[[], Shopper]] = {
        "cautious": CautiousShopper,
        "curious": lambda: CuriousShopper(study.values),
    }
    results: list[DriftResult] = []
    total, done = len(shoppers) * len(COMPARED) * len(seeds), 0
    for shopper, make_shopper in shoppers.items():
        lifelong: list[dict[str, float]] = []
        for make_memory in COMPARED:
            runs: list[dict[str, float]] = []
            for seed in seeds:
                runs.append(Play(study, make_memory(), make_shopper(), seed, noise).shares())
                done += 1
                if tell is not None:
                    tell(done, total)
            lifelong = lifelong or runs
            results.append(DriftResult(_name(make_memory), shopper, _shares(runs, lifelong)))
    return results


def _name(make_memory: Callable[[], TasteMemory]) -> str:
    return str(getattr(make_memory, "name", make_memory))


def _shares(runs: Sequence[dict[str, float]], lifelong: Sequence[dict[str, float]]) -> dict[str, SeededShare]:
    shares = {}
    for measure in MEASURES:
        values = [run[measure] for run in runs]
        differences = [run[measure] - own[measure] for run, own in zip(runs, lifelong, strict=True)]
        shares[measure] = SeededShare(fmean(values), _spread(values), fmean(differences), _spread(differences))
    return shares


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0

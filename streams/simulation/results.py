"""What a simulation shows: how like real people its users are, and how the loop serves them. All of it is simulated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from agents.simulation.catalogue import SimulatedCatalogue
from agents.simulation.fidelity import distance, judge
from agents.simulation.history import CONFORMITY, History, rank_share
from agents.simulation.persona import Manner
from inference.evaluation.intervals.cluster_bootstrap import MeanInterval, clustered
from streams.backtest.evaluated_rows import Codes
from streams.simulation.run import SeenList, SimulationPlan, SimulationRun

RECOVERED_SHARE, LISTS_IN_A_ROW = 0.8, 3
"""A taste is served again once so many lists in a row have on average this share of what they held of it before, beyond
everybody's choices."""


class DistributionDistance(Struct, frozen=True, kw_only=True):
    """A distribution: its distance (Kolmogorov-Smirnov) from real people's, and that of users who draw at random, and
    the means of all three.
    """

    distance: float
    random_distance: float
    real: float
    simulated: float
    random: float


class Fidelity(Struct, frozen=True, kw_only=True):
    """How like the real people of the log's later part: shares of right answers on their choices, each beside an item
    as popular that they did not choose (a coin has 0.5), and distributions.
    """

    pairs: int
    accept_reject: MeanInterval
    which_of_two: MeanInterval
    more_popular: MeanInterval
    session_length: DistributionDistance
    popularity: DistributionDistance
    repeats: DistributionDistance


class Adaptation(Struct, frozen=True, kw_only=True):
    """After all tastes have changed: how well lists fit (`SimulatedCatalogue.fit`) the earlier taste before the
    change, and the later one just before it, in the first lists after it and in the last.

    Of the `displaced`, whose lists had fitted and did not fit the later taste yet, the share `recovered` is served
    again as well as before (`RECOVERED_SHARE`), after so many lists (median).
    """

    users: int
    fits_before: float
    later_fits_before: float
    later_fits_first: float
    later_fits_last: float
    displaced: int
    recovered: float
    lists_to_recover: float | None


class SimulationResults(Struct, frozen=True, kw_only=True):
    """All results. Triples are of the first, the middle and the last third of the lists before the change of taste, but
    for `enjoyment` and `chosen`, which are of all lists: satiation counts in them.

    `enjoyment` and `chosen` are per list; `categories` is the entropy of categories in a list, in bits; `fits` how
    well its items fit the taste; `items_shown` the share of the catalogue that anybody was shown.
    """

    simulated: bool = True
    fitted: bool
    manner: Manner
    users: int
    days: float
    sessions: int
    lists: int
    choices: int
    fidelity: Fidelity | None
    adaptation: Adaptation | None
    enjoyment: tuple[float, ...]
    chosen: tuple[float, ...]
    categories: tuple[float, ...]
    fits: tuple[float, ...]
    items_shown: float
    loop_ms_per_list: float


def simulation_results(run: SimulationRun, plan: SimulationPlan) -> SimulationResults:
    """Return the results; there is no fidelity where the log has no later part."""
    lived, catalogue = run.lived, run.catalogue
    before = [seen for seen in lived.lists if not seen.changed]
    return SimulationResults(
        fitted=run.population.is_fitted,
        manner=run.population.manner,
        users=plan.users,
        days=plan.days,
        sessions=len(lived.sessions),
        lists=len(lived.lists),
        choices=len(lived.popularity),
        fidelity=_fidelity(run, plan) if run.after.pairs else None,
        adaptation=_adaptation(lived.lists),
        enjoyment=_thirds([seen.enjoyment for seen in lived.lists]),
        chosen=_thirds([float(seen.chosen) for seen in lived.lists]),
        categories=_thirds([_entropy(catalogue, seen) for seen in before]),
        fits=_thirds([seen.fits_earlier for seen in before]),
        items_shown=len({item for seen in lived.lists for item in seen.items}) / max(1, len(catalogue.items)),
        loop_ms_per_list=1e3 * lived.loop_seconds / max(1, len(lived.lists)),
    )


def _fidelity(run: SimulationRun, plan: SimulationPlan) -> Fidelity:
    after, lived, rng = run.after, run.lived, np.random.default_rng([plan.seed, 2])
    accuracy, codes = judge(after.pairs, run.population.manner, CONFORMITY), Codes[str]()
    users = np.array([codes.of(pair.user) for pair in after.pairs], np.int32)
    values = np.stack([accuracy.right, accuracy.preferred, accuracy.popular], axis=1)
    right, preferred, popular = clustered(values, users, seed=plan.seed, resamples=plan.resamples)
    longest = max(run.population.habits.choices)
    known = np.flatnonzero(run.catalogue.count) if run.catalogue.count.any() else np.arange(len(run.catalogue.items))
    drawn = [rank_share(run.catalogue, int(number)) for number in rng.choice(known, 2_000)]
    return Fidelity(
        pairs=len(after.pairs),
        accept_reject=right,
        which_of_two=preferred,
        more_popular=popular,
        # A log has no sessions without a choice.
        session_length=_compared(
            after.sessions, list(filter(None, lived.sessions)), rng.integers(1, longest + 1, 2_000).tolist()
        ),
        popularity=_compared(after.popularity, lived.popularity, drawn),
        repeats=_repeats(after, run, len(known)),
    )


def _compared(real: Sequence[float], simulated: Sequence[float], random: Sequence[float]) -> DistributionDistance:
    means = [float(np.mean(sample)) if len(sample) else 0.0 for sample in (real, simulated, random)]
    return DistributionDistance(
        distance=distance(real, simulated),
        random_distance=distance(real, random),
        real=means[0],
        simulated=means[1],
        random=means[2],
    )


def _repeats(after: History, run: SimulationRun, known: int) -> DistributionDistance:
    """Return the shares of repeats among choices; somebody who draws items at random repeats one by chance."""
    real = after.repeats / max(1, after.choices)
    simulated = run.lived.repeats / max(1, len(run.lived.popularity))
    random = float(np.mean([len(set(chosen)) for chosen in after.chosen.values()])) / max(1, known)
    return DistributionDistance(
        distance=abs(simulated - real),
        random_distance=abs(random - real),
        real=real,
        simulated=simulated,
        random=random,
    )


def _adaptation(lists: Sequence[SeenList]) -> Adaptation | None:
    """Return how lists follow the change, over users who have lists before it and `LISTS_IN_A_ROW` after it."""
    by_user: dict[int, list[SeenList]] = defaultdict(list)
    for seen in lists:
        by_user[seen.user].append(seen)
    rows, waits = [], []
    for own in by_user.values():
        before, after = [seen for seen in own if not seen.changed], [seen for seen in own if seen.changed]
        if before and len(after) >= LISTS_IN_A_ROW:
            fits, later = _fits(before), _later_fits(before[-LISTS_IN_A_ROW:])
            rows.append((fits, later, _later_fits(after[:LISTS_IN_A_ROW]), _later_fits(after[-LISTS_IN_A_ROW:])))
            wanted = 1.0 + RECOVERED_SHARE * (fits - 1.0)
            if fits > 1.0 and later < wanted:
                waits.append(_recovers(after, wanted))
    if not rows:
        return None
    recovered = [wait for wait in waits if wait is not None]
    means = np.array(rows, np.float64).mean(axis=0).tolist()
    names = ("fits_before", "later_fits_before", "later_fits_first", "later_fits_last")
    return Adaptation(
        users=len(rows),
        **dict(zip(names, means, strict=True)),
        displaced=len(waits),
        recovered=len(recovered) / max(1, len(waits)),
        lists_to_recover=float(np.median(recovered)) if recovered else None,
    )


def _fits(lists: Sequence[SeenList]) -> float:
    return float(np.mean([seen.fits_earlier for seen in lists]))


def _later_fits(lists: Sequence[SeenList]) -> float:
    return float(np.mean([seen.fits_later for seen in lists]))


def _recovers(after: Sequence[SeenList], wanted: float) -> int | None:
    """Return after how many lists the later taste is served as the earlier one was; none if never."""
    for last in range(LISTS_IN_A_ROW, len(after) + 1):
        if _later_fits(after[last - LISTS_IN_A_ROW : last]) >= wanted:
            return last
    return None


def _entropy(catalogue: SimulatedCatalogue, seen: SeenList) -> float:
    """Return the entropy of the categories of a list's items, in bits."""
    shares = catalogue.shares[list(seen.items)].sum(axis=0)
    shares = shares[shares > 0.0] / max(1e-9, float(shares.sum()))
    return float(-(shares * np.log2(shares)).sum())


def _thirds(values: Sequence[float]) -> tuple[float, ...]:
    """Return the means of the first, the middle and the last third; fewer where there are not three values.

    >>> _thirds([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])
    (1.0, 2.0, 3.0)
    """
    return tuple(float(part.mean()) for part in np.array_split(np.array(values, np.float64), 3) if len(part))

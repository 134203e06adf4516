"""Whether arms have the people that they should: if not, something but the arm tells their people apart.

People who are lost on one side alone (a crash, a slow list, a filter) spoil every comparison. The test may be looked
at at any time: a Dirichlet mixture against the shares as they were set (Lindon and Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022). If shares are kept, the evidence hardly ever reaches 1 / level, at any look.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma, log

from msgspec import Struct

CENTRED = 100.0
"""How near to the shares the mixture looks for others: about as so many people would tell them."""
ALARM = 0.001


class SampleRatioMismatch(Struct, frozen=True):
    """How many people each arm has, and should have; `p` is the chance of such evidence at any look, if all is well."""

    people: dict[str, int]
    expected: dict[str, float]
    p: float

    @property
    def is_alarming(self) -> bool:
        """Whether the results are not to be believed."""
        return self.p < ALARM


def sample_ratio_mismatch(people: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatioMismatch:
    """Hold the numbers of people against the shares of their arms; an arm without a share has nobody.

    >>> sample_ratio_mismatch({"control": 510, "bold": 490}, {"control": 0.5, "bold": 0.5}).p
    1.0
    >>> sample_ratio_mismatch({"control": 600, "bold": 400}, {"control": 0.5, "bold": 0.5}).is_alarming
    True
    """
    counts = {arm: people.get(arm, 0) for arm, share in shares.items() if share > 0.0}
    total, whole = sum(counts.values()), sum(shares.values())
    expected = {arm: shares[arm] / whole for arm in counts}
    evidence = lgamma(CENTRED) - lgamma(CENTRED + total)
    for arm, count in counts.items():
        prior = CENTRED * expected[arm]
        evidence += lgamma(prior + count) - lgamma(prior) - count * log(expected[arm])
    return SampleRatioMismatch(
        counts, {arm: share * total for arm, share in expected.items()}, min(1.0, exp(min(700.0, -evidence)))
    )

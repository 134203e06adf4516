"""Sample-ratio mismatch: whether arms have as many users as their shares say.

Users who are lost on one side alone (a crash, a slow list, a filter) invalidate every comparison. The test is valid at
every look: a Dirichlet mixture against the shares as they are set (Lindon and Malek, "Anytime-valid inference for
multinomial count data", NeurIPS 2022). If shares are kept, the evidence reaches 1 / level with probability `level` at
most, over all looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma, log

from msgspec import Struct

PRIOR_USERS = 100.0
"""The concentration of the mixture around the shares, in users."""
ALARM_P = 0.001


class SampleRatioMismatch(Struct, frozen=True):
    """The number of users of each arm, and the expected one; `p` is an anytime-valid p-value."""

    people: dict[str, int]
    expected: dict[str, float]
    p: float

    @property
    def is_alarming(self) -> bool:
        """Whether the results are invalid."""
        return self.p < ALARM_P


def sample_ratio_mismatch(people: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatioMismatch:
    """Test the numbers of users against the shares of their arms; an arm without a share has no users.

    >>> sample_ratio_mismatch({"control": 510, "bold": 490}, {"control": 0.5, "bold": 0.5}).p
    1.0
    >>> sample_ratio_mismatch({"control": 600, "bold": 400}, {"control": 0.5, "bold": 0.5}).is_alarming
    True
    """
    counts = {arm: people.get(arm, 0) for arm, share in shares.items() if share > 0.0}
    total, whole = sum(counts.values()), sum(shares.values())
    expected = {arm: shares[arm] / whole for arm in counts}
    evidence = lgamma(PRIOR_USERS) - lgamma(PRIOR_USERS + total)
    for arm, count in counts.items():
        prior = PRIOR_USERS * expected[arm]
        evidence += lgamma(prior + count) - lgamma(prior) - count * log(expected[arm])
    return SampleRatioMismatch(
        counts, {arm: share * total for arm, share in expected.items()}, min(1.0, exp(min(700.0, -evidence)))
    )

"""Confidence intervals, one method per file: all return `interval.Interval`.

- `cluster_bootstrap`: percentiles over resampled users, for means of any metric.
- `cluster_robust`: an asymptotic interval for one look, clustered by user.
- `asymptotic_sequence`: ratios and differences between users, valid at every look.
- `confidence_sequence`: the mean of bounded values by betting, valid at every look whatever their distribution.
"""

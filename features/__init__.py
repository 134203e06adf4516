"""What can be computed about a user or an item: folded state, decayed sums, drift, statistics, the feature table."""

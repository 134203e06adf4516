"""What is computed about users and items: folded states, decayed sums, statistics and the feature table."""

"""What is evaluated, and how: metrics, baselines, off-policy estimates, experiments and intervals."""

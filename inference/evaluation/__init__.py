"""Evaluation: metrics, baselines, off-policy estimates, experiments and intervals."""

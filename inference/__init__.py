"""Recommendation: candidates, ranking, learning, evaluation and the served model."""

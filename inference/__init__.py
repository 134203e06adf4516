"""Which items, in what order: candidates, ranking, learning, evaluation and the served model."""

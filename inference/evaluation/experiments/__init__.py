"""Results of A/B experiments, from the ranking log."""

"""The worker: folds users' records, re-plans and publishes lists."""

"""The worker: folds a user's records, re-plans and publishes lists."""

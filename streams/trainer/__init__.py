"""The trainer: learns from the ranking log and publishes weights."""

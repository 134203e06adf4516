"""Judging policies from logs: our own ranking log, and the Open Bandit files as a check of the plumbing."""

"""Attacks by crowds that are not people: injected into a replayed log, and measured by the lists that they reach."""

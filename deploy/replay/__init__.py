"""Replay: a log of events through the handlers of production, test-then-train, with the floors beside it."""

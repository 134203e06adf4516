"""The backtest: a log of events through the handlers of production, test-then-train, with baselines beside it."""

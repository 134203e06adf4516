"""Commands that evaluate: a backtest of a log, policies, experiments, and attacks."""

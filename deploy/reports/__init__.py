"""Reports of a backtest: on the console and as one HTML page."""

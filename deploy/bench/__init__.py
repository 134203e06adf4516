"""Measuring the real stack: a stated rate, open loop, timed from the intended send to the list on its topic."""

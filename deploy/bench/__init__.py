"""Measure the real stack at a stated rate, open loop, from the intended send to the list on its topic."""

"""Metrics of ranked lists: hit rate, gain, baskets, coverage, calibration, and why choices are missed."""

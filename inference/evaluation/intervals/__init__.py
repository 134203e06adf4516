"""Confidence intervals: by bootstrap over people, and valid at any time."""

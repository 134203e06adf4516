"""Ranking: the feature table of candidates, and the network that scores it."""

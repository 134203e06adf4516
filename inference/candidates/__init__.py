"""Candidate sources: one per file, all of them in the table of `sources`."""

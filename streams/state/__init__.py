"""Stored states: partition stores with their leases, positions in the log, and the rebuild of states from the log."""

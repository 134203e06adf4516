"""Signals: a file each, with its state by item, its updates, its candidate sources and its columns; see `registry`."""

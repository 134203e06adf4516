"""Handlers: one file per topic, pure functions from a record to an outcome. `streams.routes` says who calls them."""

"""One handler per topic: pure functions from a record to an outcome. `streams.routes` says which process calls it."""

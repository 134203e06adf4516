"""Search over HTTP: the index and what feeds it, encoders of queries, and lists narrowed by filters."""

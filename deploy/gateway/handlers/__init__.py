"""Handlers of routes: what is posted, read and shown, with the parsing of requests."""

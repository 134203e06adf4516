"""Requests to the gateway: lists read and interactions stored, over a number of connections."""

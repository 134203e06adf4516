"""Tools outside the worker: their ports over the gateway's HTTP interface, and the server that gives them to agents."""

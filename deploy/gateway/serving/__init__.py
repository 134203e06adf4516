"""The gateway as a process: the HTTP server, its limits, back-pressure and health checks."""

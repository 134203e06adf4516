"""Where it runs: settings, wiring, command line, gateway, embedded servers, monitoring."""

"""Real servers on this machine, from packages: one file per server, and the supervisor that keeps them."""

"""How an event moves: one handler per topic, the table of routes, and the runners that drive them."""

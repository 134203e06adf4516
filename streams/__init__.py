"""How an event moves: the routing table, one handler file per topic, and a room for each process that runs them."""

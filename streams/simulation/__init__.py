"""Role play: simulated users live with the real loop, handler by handler, and what comes of it is measured."""

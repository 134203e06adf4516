"""Simulated users: agents that play people, fitted to a log where there is one. No code is shared with the planner."""

"""What an agent can do besides planning: look for items."""

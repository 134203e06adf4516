"""Commands about agents: conversations, tools for other agents, and a small language model."""

"""Agents, which plan for users: profile, memory, planning and actions."""

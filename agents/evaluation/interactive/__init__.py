"""Conversations with a simulated person, whose outcome and conduct programs judge: tasks of τ-Rec and of its format."""

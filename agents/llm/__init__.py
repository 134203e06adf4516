"""A language model that proposes plans: what it is sent, what it may answer, and what it may cost."""

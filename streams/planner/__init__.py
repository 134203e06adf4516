"""The planner: asks a language model for better plans, away from the path of lists."""

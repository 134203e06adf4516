"""Where models learn from the ranking log. torch is imported here (by the learner) and in one baseline of
the evaluation, nowhere else in the package."""

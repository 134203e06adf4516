"""Where models learn from the ranking log. torch is imported here (by the learner) and nowhere else in the package."""

"""Learning from the ranking log: learner, variants, promotion and weights files.

torch is imported here (by the learner) and in one baseline of the evaluation, nowhere else in the package.
"""

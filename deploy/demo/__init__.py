"""The demo: real users' events through the real stack, compared with baselines."""

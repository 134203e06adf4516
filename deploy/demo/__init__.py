"""The demonstration: real people's events through the real stack, with the floors beside it."""

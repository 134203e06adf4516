"""Commands that operate a stack: start and stop it, run its processes, look at their logs and jobs."""

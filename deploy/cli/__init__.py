"""The command line: ``lifelong``, one file per group of commands."""

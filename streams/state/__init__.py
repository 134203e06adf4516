"""What the owner of a partition stores, from where it reads on, and how the states are rebuilt from the log."""

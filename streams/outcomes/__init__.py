"""What handlers return: messages to publish, states to store, rows to project. Values alone, nothing is written."""

"""What brings external knowledge in: one file a kind of source."""

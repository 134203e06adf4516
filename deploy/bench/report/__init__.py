"""What a measurement found, as values with their units, and as tables."""

"""What is served: the newest lists and the catalogue, in memory, and searches."""

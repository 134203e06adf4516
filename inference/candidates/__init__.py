"""Where candidates come from: one source per file, all of them in the table of `sources`."""

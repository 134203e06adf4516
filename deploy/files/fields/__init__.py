"""What columns and cells mean: which column is which, ids, times, categories, types of events."""

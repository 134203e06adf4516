"""The meaning of columns and cells: fields, ids, times, categories, event types."""

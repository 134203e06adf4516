"""The off-line log of feature rows: Parquet files by view and day, merged while rows are appended and joined."""

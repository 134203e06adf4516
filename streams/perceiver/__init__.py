"""The perceiver: looks at pictures and reads texts of items and users, away from the path of lists."""

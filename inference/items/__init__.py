"""The item table: items by number, what is said of them, and containers by item number."""

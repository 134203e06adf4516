"""Feast objects, apart because `feast apply` imports every file under its root."""

"""Tools of an agent besides planning: search for items."""

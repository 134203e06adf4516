"""The item-statistics aggregator: from `item-deltas` to `item-statistics`."""

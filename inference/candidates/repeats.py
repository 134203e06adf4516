"""What the person comes back to: consumed items, the more often and the more nearly due the better."""

from __future__ import annotations

import numpy as np

from features.item_table import ItemTable, Numbers
from inference.person import Person


def propose(person: Person, table: ItemTable, size: int) -> Numbers:
    """Consumed items, where repeats are allowed."""
    if not person.repeats or not len(person.consumed):
        return person.consumed[:0]
    state = person.query.user
    touched = [touch for item, touch in state.touched.items() if touch.count and item in table.number]
    counts = np.array([touch.count for touch in touched])
    idle = person.query.now - np.array([touch.last_at for touch in touched])
    sitting = np.array([touch.last_at for touch in touched]) >= state.session.began_at
    scores = np.log1p(counts) - 0.1 * np.log1p(np.maximum(0.0, idle) / 3_600.0) - 2.0 * sitting
    ranked = person.consumed[np.argsort(-scores, kind="stable")]
    return ranked[~person.blocked[ranked]][:size]

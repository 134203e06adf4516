"""Topics that every worker reads whole, into the table that ranking works from."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from schemas.errors import DecodeError
from streams.deps import Deps
from streams.records import Inbound
from streams.routes import TABLES

logger = logging.getLogger(__name__)


def apply_tables(records: Iterable[Inbound], deps: Deps) -> int:
    """Take records into the table; what is wrong in them is passed over and logged. How many were taken.

    A wrong record of the catalogue is dead-lettered where it enters (gateway, import); here every worker would do so.
    """
    taken = 0
    for record in records:
        try:
            TABLES[record.topic](record, deps)
            taken += 1
        except DecodeError as exc:
            logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, exc)
    return taken

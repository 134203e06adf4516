"""Topics that every worker reads whole, into the table that ranking works from.

Every worker reads them, so none of them writes dead letters about them: the projector does, which reads each record
once. Here a wrong record is passed over and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from schemas.errors import DecodeError
from streams.handlers.deps import Deps
from streams.log.dead_letters import crashed
from streams.log.guard import guarded
from streams.log.records import Inbound
from streams.routes import WORKER_TABLES

logger = logging.getLogger(__name__)


def apply_tables(records: Iterable[Inbound], deps: Deps) -> int:
    """Take records into the table; what is wrong in them is passed over and logged. How many were taken."""
    found, taken = list(records), 0
    for part in deps.in_flight.split(found):
        with deps.in_flight.handling(found[part]):
            taken += sum(_apply(record, deps) for record in found[part])
    return taken


def _apply(record: Inbound, deps: Deps) -> bool:
    if deps.in_flight.is_set_aside(record):
        logger.error("%s-%d@%d is set aside: it ended the process", record.topic, record.partition, record.offset)
        deps.letters([crashed(record, deps.clock())])
        return False
    try:
        failed = guarded(lambda: WORKER_TABLES[record.topic](record, deps), name=record.topic)
    except DecodeError as exc:
        failed = str(exc)
    if failed is not None:
        logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, failed)
    return failed is None

"""The table topics: every worker reads them whole, into the table that ranking reads.

No worker writes dead letters about them, as all workers read them: the projector does, which reads each record once. A
worker skips and logs a wrong record.
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
    """Apply records to the table and return how many were applied; wrong ones are skipped and logged."""
    batch, applied = list(records), 0
    for part in deps.in_flight.split(batch):
        with deps.in_flight.handling(batch[part]):
            applied += sum(_apply(record, deps) for record in batch[part])
    return applied


def _apply(record: Inbound, deps: Deps) -> bool:
    if deps.in_flight.is_set_aside(record):
        logger.error("%s-%d@%d is set aside: it ended the process", record.topic, record.partition, record.offset)
        deps.letters([crashed(record, deps.clock())])
        return False
    try:
        error = guarded(lambda: WORKER_TABLES[record.topic](record, deps), name=record.topic)
    except DecodeError as exc:
        error = str(exc)
    if error is not None:
        logger.warning("%s-%d@%d passed over: %s", record.topic, record.partition, record.offset, error)
    return error is None

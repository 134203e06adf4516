"""How far the processes are: what a worker has read into its table."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from deploy.bench.errors import CannotMeasure

TABLE_RECORDS = "lifelong_table_records_total"
READ_PATIENCE_SECONDS = 600.0


def table_records(port: int) -> float | None:
    """Return how many catalogue and statistics records the worker has read; none if no metrics are at this port."""
    if not port:
        return None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == TABLE_RECORDS)


def seconds_until(holds: Callable[[], bool], what: str, *, within: float = READ_PATIENCE_SECONDS) -> float:
    """Wait until `holds` returns true, and return the seconds that it took.

    Raises:
        CannotMeasure: it does not within so many seconds.
    """
    began = time.monotonic()
    while not holds():
        if time.monotonic() > began + within:
            raise CannotMeasure(f"{what}: not within {within:g} s; `lifelong logs` may say why")
        time.sleep(0.1)
    return time.monotonic() - began

"""``python -m tests.fuzz``: mutated records through the guards of each process, and counts of their outcomes.

It fails if a record is lost or counted twice, if a dead letter has no known reason or does not fit into the log, if a
handler raises an unexpected error, or if a process does not work as before afterwards.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.fuzz.counting import Counts, Faults
from tests.fuzz.guards import GUARDS
from tests.fuzz.records import Stream

BATCH = 50


def fuzz(name: str, records: int, seed: int) -> Counts:
    """Send so many mutated records through one process and return the counts of their outcomes."""
    guard = GUARDS[name]()
    guard_log, faults = logging.getLogger("streams.log.guard"), Faults(guard.counts)
    guard_log.addHandler(faults)
    try:
        for batch in Stream(guard.topics, seed).batches(records, BATCH):
            guard.handle(batch)
            assert guard.counts.adds_up, guard.counts
        guard.check()
    finally:
        guard_log.removeHandler(faults)
    return guard.counts


def report(name: str, counts: Counts, seconds: float) -> str:
    """Return the counts of a process's records as lines of a table."""
    rows = [("records", counts.records), ("accepted", counts.accepted)]
    rows += [(f"skipped: {reason}", number) for reason, number in counts.passed.most_common()]
    rows += [(f"dead letter: {reason}", number) for reason, number in counts.letters.most_common()]
    rows += [(f"FAULT {fault}", number) for fault, number in counts.faults.most_common()]
    return "\n".join([f"{name} ({seconds:.0f} s)", *(f"  {number:>9,}  {what}" for what, number in rows)])


def main(arguments: list[str]) -> int:
    """Run as the arguments say; returns 1 if a guard caught an unexpected error."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="for each process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--process", choices=sorted(GUARDS), action="append", help="only this one; may be repeated")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    logging.getLogger().addHandler(logging.NullHandler())
    faults = 0
    for name in options.process or GUARDS:
        began = time.monotonic()
        counts = fuzz(name, options.records, options.seed)
        sys.stdout.write(report(name, counts, time.monotonic() - began) + "\n")
        sys.stdout.flush()
        faults += counts.faults.total()
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m tests.fuzz``: harmed records through the guards of each process, and what became of them.

Ends with an error if a record is lost or counted twice, if a letter has no known reason or does not fit into the log,
if a handler meets what it did not foresee, or if a process does not work as before afterwards.
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
    """So many records through one process."""
    guard = GUARDS[name]()
    caught, noticed = logging.getLogger("streams.log.guard"), Faults(guard.counts)
    caught.addHandler(noticed)
    try:
        for batch in Stream(guard.topics, seed).batches(records, BATCH):
            guard.take(batch)
            assert guard.counts.adds_up, guard.counts
        guard.check()
    finally:
        caught.removeHandler(noticed)
    return guard.counts


def told(name: str, counts: Counts, seconds: float) -> str:
    """What became of a process's records, as lines of a table."""
    rows = [("records", counts.records), ("accepted", counts.accepted)]
    rows += [(f"passed over: {what}", number) for what, number in counts.passed.most_common()]
    rows += [(f"dead letter: {reason}", number) for reason, number in counts.letters.most_common()]
    rows += [(f"FAULT {what}", number) for what, number in counts.faults.most_common()]
    return "\n".join([f"{name} ({seconds:.0f} s)", *(f"  {number:>9,}  {what}" for what, number in rows)])


def main(arguments: list[str]) -> int:
    """Run what the arguments say; 1 if something was caught that no handler foresaw."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="for each process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--process", choices=sorted(GUARDS), action="append", help="only this one; may be repeated")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    logging.getLogger().addHandler(logging.NullHandler())
    faults = 0
    for name in chosen.process or GUARDS:
        began = time.monotonic()
        counts = fuzz(name, chosen.records, chosen.seed)
        sys.stdout.write(told(name, counts, time.monotonic() - began) + "\n")
        sys.stdout.flush()
        faults += counts.faults.total()
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

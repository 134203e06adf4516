"""Regions of shared memory that a stack's processes leave behind when they are killed: found, and removed at `down`.

Triton's Python backend keeps one for each model instance in `/dev/shm`, and only a server that ends in good order
removes it: each is 1 MB or more, and memory until the machine is restarted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

SHM = Path("/dev/shm")


def regions_of(processes: Iterable[psutil.Process]) -> set[Path]:
    """The files in shared memory that these processes have mapped or hold open."""
    return {path for process in processes for path in _mapped(process)}


def _mapped(process: psutil.Process) -> set[Path]:
    try:
        maps = Path(f"/proc/{process.pid}/maps").read_text(errors="replace").splitlines()
        held = [os.readlink(each) for each in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        # It ended meanwhile, or is another user's.
        return set()
    mapped = [line.split(maxsplit=5)[5] for line in maps if str(SHM) in line]
    paths = (Path(name.removesuffix(" (deleted)")) for name in (*mapped, *held))
    return {path for path in paths if path.parent == SHM}


def named(prefix: str) -> set[Path]:
    """The regions whose names begin with a prefix that one stack alone gives."""
    return set(SHM.glob(f"{prefix}*")) if prefix and SHM.is_dir() else set()


def remove(regions: Iterable[Path]) -> list[Path]:
    """Remove those that no living process has mapped any more; which were removed."""
    wanted = set(regions)
    if not wanted:
        return []
    in_use = regions_of(psutil.process_iter())
    removed = []
    for path in sorted(wanted - in_use):
        try:
            path.unlink()
        except OSError:
            # Gone already, or another user's: not ours to remove.
            continue
        removed.append(path)
    return removed

"""Finds and removes shared-memory regions that a stack's killed processes leave behind.

Triton's Python backend keeps one per model instance in `/dev/shm`, and removes it only when it ends in good order: each
takes 1 MB or more of memory until the machine is restarted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

SHM = Path("/dev/shm")


def regions_of(processes: Iterable[psutil.Process]) -> set[Path]:
    """Return the files in shared memory that these processes have mapped or open."""
    return {path for process in processes for path in _mapped(process)}


def _mapped(process: psutil.Process) -> set[Path]:
    try:
        maps = Path(f"/proc/{process.pid}/maps").read_text(errors="replace").splitlines()
        opened = [os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        # It has ended, or belongs to another user.
        return set()
    mapped = [line.split(maxsplit=5)[5] for line in maps if str(SHM) in line]
    paths = (Path(name.removesuffix(" (deleted)")) for name in (*mapped, *opened))
    return {path for path in paths if path.parent == SHM}


def named(prefix: str) -> set[Path]:
    """Return the regions whose names begin with a stack's prefix."""
    return set(SHM.glob(f"{prefix}*")) if prefix and SHM.is_dir() else set()


def remove(regions: Iterable[Path]) -> list[Path]:
    """Remove the regions that no living process has mapped; return the removed ones."""
    candidates = set(regions)
    if not candidates:
        return []
    in_use = regions_of(psutil.process_iter())
    removed = []
    for path in sorted(candidates - in_use):
        try:
            path.unlink()
        except OSError:
            # It is already removed, or belongs to another user.
            continue
        removed.append(path)
    return removed

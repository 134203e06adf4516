"""The off-line log of feature rows: written window by window, merged by view and day, kept for a number of days.

A writer appends a file per view and window. `compact` merges them, a small step at a time, so that a day ends as one
file per view (several if they are large). At every moment, also after a crash in the middle of any step, the visible
files of a view have every row of the retention at least once:

1. a merged file is written under a hidden name and becomes visible at once, beside the files that it replaces
2. these are removed minutes later, so that a join that has listed them can read them

A point-in-time join takes one row for each entity and time: rows that are there twice, meanwhile or because a window
was written again, change no answer. Files are named by their rows, so a window that is written again after it was
merged is either removed with the files that the merged one replaces, or merged again. Several processes may append and
compact at once.
"""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from features.offline.erasing import count_rows, erase_rows
from features.offline.files import LEVELS, LogFile, appearing, day_of, list_files, remove_abandoned, sync, window_name
from features.offline.merging import Merge, replaced_by
from features.ports import OfflineSize

logger = logging.getLogger(__name__)
STEP_SECONDS = 0.1
"""The time after which `compact` begins nothing more."""
LISTED_SECONDS = 2.0
"""How often a folder is listed: each view in turn."""
REMOVED_PER_LISTING = 2_000
READ_PER_LISTING = 256
ABANDONED_SECONDS = 3_600.0


class MergePolicy(Struct, frozen=True):
    """What is merged, and when: `fan_in` files of one level become one of the next.

    A day gets another file beyond `full_bytes`. After `waiting_seconds` files are merged though fewer wait. The files
    that a merged one replaces stay for `replaced_seconds`, for joins that have listed them.
    """

    fan_in: int = 64
    full_bytes: int = 64_000_000
    waiting_seconds: float = 900.0
    replaced_seconds: float = 300.0

    def due(self, day: Sequence[LogFile], now: float) -> Iterator[tuple[LogFile, ...]]:
        """Yield what is to be merged of the files of one day: once the day is over all of them, before it by level."""
        small = sorted((file for file in day if file.size < self.full_bytes), key=lambda file: file.size)
        if day[0].day < day_of(now):
            yield from (chunk for chunk in self._chunks(small) if len(chunk) > 1)
            return
        for level in range(LEVELS):
            chunks = list(self._chunks([file for file in small if file.level == level]))
            for chunk in chunks:
                is_complete = chunk is not chunks[-1] or len(chunk) == self.fan_in
                waited = level == 0 and min(file.visible_at for file in chunk) <= now - self.waiting_seconds
                if len(chunk) > 1 and (is_complete or waited):
                    yield chunk

    def _chunks(self, files: Sequence[LogFile]) -> Iterator[tuple[LogFile, ...]]:
        """Yield the files in order, at most `fan_in` and `full_bytes` together."""
        chunk: list[LogFile] = []
        for file in files:
            if len(chunk) == self.fan_in or (chunk and sum(o.size for o in chunk) + file.size > self.full_bytes):
                yield tuple(chunk)
                chunk = []
            chunk.append(file)
        if chunk:
            yield tuple(chunk)


class OfflineLog:
    """The log of all views under `folder`. `retention_days` counts from the day on which rows were written."""

    def __init__(
        self,
        folder: Path,
        views: Sequence[str],
        *,
        retention_days: float,
        policy: MergePolicy | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.sizes: dict[str, OfflineSize] = {}
        self._folders = [folder / view for view in views]
        self._retention = timedelta(days=retention_days)
        self._policy = policy or MergePolicy()
        self._timer = timer
        self._turn = 0
        self._list_at = 0.0
        self._planned: list[tuple[LogFile, ...]] = []
        self._merge: Merge | None = None
        self._damaged: set[Path] = set()
        self._replaced: dict[Path, tuple[str, ...]] = {}
        for view in self._folders:
            view.mkdir(parents=True, exist_ok=True)

    def append(self, view: str, rows: pa.Table, now: float) -> None:
        """Write rows as one file, visible at once; the same rows on the same day are the same file."""
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink)
        data = sink.getvalue().to_pybytes()
        folder = next(folder for folder in self._folders if folder.name == view)
        with appearing(folder / window_name(day_of(now), data)) as partial:
            partial.write_bytes(data)
            sync(partial)
            os.utime(partial, (now, now))
        sync(folder)

    def erase(self, users: Collection[str]) -> None:
        """Write each file that has rows of these users anew without them, in its stead; a merge begins again.

        A merge of another process may have read a file before, so that its rows are there again when it is done: erase
        once more after that.
        """
        self._merge, self._planned = None, []
        for folder in self._folders:
            for file in list_files(folder):
                try:
                    erase_rows(file, users)
                except pa.ArrowException as exc:
                    logger.error("a file may hold rows of erased users, remove it: %s: %s", file.path, exc)

    def rows_of(self, user: str, *, until: float) -> int:
        """Return how many rows up to this time are about a user, in all files.

        Raises:
            ArrowException: a file is damaged.
        """
        return sum(
            count_rows(file.path, [user], until=until) for folder in self._folders for file in list_files(folder)
        )

    def compact(self, now: float) -> None:
        """Do a part of what is due: merges, and removals of replaced files and of days beyond the retention.

        It begins nothing after `STEP_SECONDS`, and what it begins is short: 16,000 rows read, a row group written, a
        folder listed. So it takes 0.2 s at most on a disk that answers. Files that cannot be read are left alone.
        """
        began = self._timer()
        while self._advance(now) and self._timer() - began < STEP_SECONDS:
            pass

    def _advance(self, now: float) -> bool:
        """Do the next small step; false if nothing is due."""
        if self._merge is None:
            if not self._planned and not self._list(now):
                return False
            if not self._planned:
                return True
            self._merge = Merge(self._planned.pop(0))
        try:
            going_on = self._merge.step(now)
        except (OSError, pa.ArrowException) as exc:
            self._failed(self._merge, exc)
            going_on = False
        if not going_on:
            self._merge = None
        return True

    def _failed(self, merge: Merge, exc: Exception) -> None:
        """Leave a damaged file out from now on; merge the others, and those of a failing disk, at a later listing."""
        if isinstance(exc, OSError) and exc.errno is not None:
            logger.warning("files of the off-line log are merged later: %s", exc)
            return
        if _is_readable(merge.reading.path):
            names = [source.path for source in merge.sources]
            self._damaged.update(names)
            logger.error("files are not merged, for their columns do not go together: %s: %s", names, exc)
            return
        self._damaged.add(merge.reading.path)
        logger.error("a file is not merged, and joins fail on it until you remove it: %s: %s", merge.reading.path, exc)

    def _list(self, now: float) -> bool:
        """List the next view if it is time: remove what is due, and plan its merges."""
        if now < self._list_at <= now + LISTED_SECONDS:
            return False
        self._list_at = now + LISTED_SECONDS
        folder = self._folders[self._turn]
        self._turn = (self._turn + 1) % len(self._folders)
        remove_abandoned(folder, now - ABANDONED_SECONDS)
        files = self._without(list_files(folder), self._expired(now))
        listed = {file.path for file in files}
        self._replaced = {p: names for p, names in self._replaced.items() if p.parent != folder or p in listed}
        live = self._live(files, now)
        if live is not None:
            sound = [file for file in live if file.path not in self._damaged]
            self._planned = [chunk for day in _by_day(sound).values() for chunk in self._policy.due(day, now)]
            self.sizes[folder.name] = self._size(files, live)
        return True

    def _expired(self, now: float) -> Callable[[LogFile], bool]:
        first = day_of(now) - self._retention
        return lambda file: file.day < first

    def _without(self, files: Sequence[LogFile], removes: Callable[[LogFile], bool]) -> list[LogFile]:
        """Remove some of these files, a limited number at once; return the others."""
        removed = [file for file in files if removes(file)][:REMOVED_PER_LISTING]
        for file in removed:
            file.path.unlink(missing_ok=True)
        paths = {file.path for file in removed}
        return [file for file in files if file.path not in paths]

    def _live(self, files: list[LogFile], now: float) -> list[LogFile] | None:
        """Return the files that no other replaces; remove those that were replaced long enough ago.

        None until it is known of all files what they replace: after a start that takes several listings.
        """
        merged = _merged_among_others(files)
        for file in [file for file in merged if file.path not in self._replaced][:READ_PER_LISTING]:
            self._replaced[file.path] = _replaced_by(file.path)
        if any(file.path not in self._replaced for file in merged):
            return None
        replaced: dict[Path, float] = {}
        for file in sorted(merged, key=lambda file: file.visible_at):
            for name in self._replaced[file.path]:
                replaced.setdefault(file.path.with_name(name), file.visible_at)
        long_ago = {path for path, at in replaced.items() if at <= now - self._policy.replaced_seconds}
        self._without(files, lambda file: file.path in long_ago)
        return [file for file in files if file.path not in replaced]

    def _size(self, files: Sequence[LogFile], live: Sequence[LogFile]) -> OfflineSize:
        waiting = [file.visible_at for file in live if file.path in self._damaged]
        for day in _by_day(live).values():
            fresh = [file.visible_at for file in day if file.level == 0]
            waiting += fresh if len(fresh) > 1 else []
        size = sum(file.size for file in files)
        return OfflineSize(files=len(files), size=size, waiting_since=min(waiting, default=None))


def _is_readable(path: Path) -> bool:
    try:
        pq.read_table(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def _replaced_by(path: Path) -> tuple[str, ...]:
    try:
        return replaced_by(path)
    except (OSError, pa.ArrowException):
        return ()


def _merged_among_others(files: Iterable[LogFile]) -> list[LogFile]:
    """Return the files that may replace others: a merged one replaces files of its day that were merged less often."""
    return [
        file
        for day in _by_day(files).values()
        for file in day
        if file.level > min(other.level for other in day) or file.level == LEVELS
    ]


def _by_day(files: Iterable[LogFile]) -> dict[date, list[LogFile]]:
    days: dict[date, list[LogFile]] = defaultdict(list)
    for file in files:
        days[file.day].append(file)
    return days

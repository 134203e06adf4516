"""One merge of files of the off-line log, done in small steps between other work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.offline.files import LogFile, appearing, merged_name, sync

ROWS_PER_STEP = 16_384
ROWS_PER_GROUP = 65_536
_REPLACES = b"lifelong.replaces"


class Merge:
    """A file with the rows of its sources, which it names, so that they can be removed once it is visible.

    The sources are left as they are: until they are removed, a reader finds their rows twice, never not at all. Rows
    that are the same within a row group are written once. `reading` is the source that is read now.

    Raises:
        OSError: a source was removed by another process, or the disk is full.
        ArrowException: a file is damaged, or columns of one name have types that do not go together.
    """

    def __init__(self, sources: Sequence[LogFile]) -> None:
        self.sources = tuple(sources)
        self.path = sources[0].path.with_name(merged_name(sources))
        self._steps = self._run()
        self.reading = sources[0]
        self._now = 0.0

    def step(self, now: float) -> bool:
        """Read at most `ROWS_PER_STEP` rows of one source and write at most a row group; false once all is done."""
        self._now = now
        return next(self._steps, None) is not None

    def _run(self) -> Iterator[bool]:
        """1 write to a hidden file 2 sync it 3 make it visible 4 sync the folder."""
        schema = self._common_schema()
        yield True
        with appearing(self.path) as partial:
            with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
                yield from self._copy(writer, schema)
            sync(partial)
            os.utime(partial, (self._now, self._now))
        sync(self.path.parent)

    def _copy(self, writer: pq.ParquetWriter, schema: pa.Schema) -> Iterator[bool]:
        waiting: list[pa.Table] = []
        for source in self.sources:
            self.reading = source
            with pq.ParquetFile(source.path) as file:
                for batch in file.iter_batches(ROWS_PER_STEP, use_threads=False):
                    waiting.append(pa.Table.from_batches([batch]))
                    if sum(table.num_rows for table in waiting) >= ROWS_PER_GROUP:
                        writer.write_table(_distinct(waiting, schema))
                        waiting = []
                    yield True
        if waiting:
            writer.write_table(_distinct(waiting, schema))

    def _common_schema(self) -> pa.Schema:
        """Return the columns of all sources, and the names of these: a column that one lacks is null in its rows."""
        common = pa.schema([])
        for source in self.sources:
            self.reading = source
            schema = pq.read_schema(source.path).remove_metadata()
            common = pa.unify_schemas([common, schema], promote_options="permissive")
        return common.with_metadata({_REPLACES: "/".join(source.path.name for source in self.sources).encode()})


def replaced_by(path: Path) -> tuple[str, ...]:
    """Return the names of the files that this one replaces."""
    names = (pq.read_schema(path).metadata or {}).get(_REPLACES)
    return tuple(names.decode().split("/")) if names else ()


def _distinct(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    table = pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive")
    rows = table.group_by(schema.names, use_threads=False).aggregate([])
    return rows.select(schema.names).cast(schema.remove_metadata())

"""Opens a file as a stream of bytes; its first bytes, not its name, identify the compression."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
from msgspec import Struct

from deploy.files.errors import UnreadableFile, as_unreadable_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
}
COMPRESSION_SUFFIXES = frozenset({".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip"})
MOST_LAYERS = 4
"""How deep compressed files may be nested."""
BUFFER = 1 << 20

Stream = Callable[[], AbstractContextManager[IO[bytes]]]


class Opened(Struct, frozen=True):
    """A file without its compression: `stream` opens it anew, in a `with`; `name` is that of the inner file."""

    path: Path
    name: PurePath
    stream: Stream
    layers: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """Return the lower-case ending of the inner file."""
        return self.name.suffix.lower()

    @property
    def stem(self) -> str:
        """Return the name of the inner file, without its ending."""
        return self.name.stem


def open_file(path: Path) -> Opened:
    """Open a file with every layer of compression removed.

    Raises:
        UnreadableFile: it does not exist, is a folder, is empty, may not be read, or is a damaged or ambiguous archive.
    """
    _check(path)
    opened = Opened(path, PurePath(path.name), lambda: path.open("rb", BUFFER))
    with as_unreadable_file(path):
        for _ in range(MOST_LAYERS):
            kind = _compression(opened)
            if kind is None:
                break
            opened = _unpacked(opened, kind)
        with opened.stream() as stream:
            if not stream.read(1):
                raise UnreadableFile(f"{str(path)!r} is empty")
    return opened


def _check(path: Path) -> None:
    shown = repr(str(path))
    if path.is_dir():
        raise UnreadableFile(f"{shown} is a folder: name one file in it")
    if not path.exists():
        raise UnreadableFile(f"{shown} is no file: there is nothing of that name")
    if not path.is_file():
        raise UnreadableFile(f"{shown} is a device or a pipe, not a file: save it to a file first")
    try:
        with path.open("rb"):
            pass
    except PermissionError as exc:
        raise UnreadableFile(f"{shown} may not be read by you: check its permissions") from exc


def _compression(opened: Opened) -> str | None:
    with opened.stream() as stream:
        head = stream.read(6)
    return next((kind for magic, kind in COMPRESSED.items() if head.startswith(magic)), None)


def _unpacked(opened: Opened, kind: str) -> Opened:
    name, stream = opened.name, opened.stream
    if name.suffix.lower() in COMPRESSION_SUFFIXES:
        name = name.with_suffix("")
    layers = (*opened.layers, kind)
    if kind == "zip":
        member = _member(opened)
        return Opened(opened.path, PurePath(PurePath(member).name), lambda: _zipped(stream, member), layers)
    return Opened(opened.path, name, lambda: _decompressed(stream, kind), layers)


@contextmanager
def _decompressed(packed: Stream, kind: str) -> Iterator[IO[bytes]]:
    with packed() as stream, _reader(stream, kind) as unpacked:
        yield unpacked


def _reader(stream: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if kind == "bz2":
        return bz2.BZ2File(stream)
    if kind == "xz":
        return lzma.LZMAFile(stream)
    return io.BufferedReader(_Zstd(stream), BUFFER)


class _Zstd(io.RawIOBase):
    """A raw stream that decompresses Zstandard by Arrow, one frame after the other."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._inner = pa.CompressedInputStream(pa.PythonFile(cast("io.IOBase", stream), mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._inner.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def _zipped(packed: Stream, member: str) -> Iterator[IO[bytes]]:
    with packed() as stream, zipfile.ZipFile(stream) as archive, archive.open(member) as unpacked:
        yield unpacked


def _member(opened: Opened) -> str:
    """Return the name of the only file in an archive.

    Raises:
        UnreadableFile: it holds none, or several, or is an Office document.
    """
    shown = repr(str(opened.path))
    with opened.stream() as stream, zipfile.ZipFile(stream) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    if any(name.startswith(("xl/", "word/")) for name in names):
        raise UnreadableFile(f"{shown} is an Office document: save the sheet as CSV (UTF-8)")
    hidden = ("__MACOSX/", ".")
    names = [name for name in names if not name.startswith(hidden) and not PurePath(name).name.startswith(".")]
    if len(names) == 1:
        return names[0]
    listed = ", ".join(sorted(names)[:8]) or "nothing"
    raise UnreadableFile(f"{shown} is an archive of {len(names)} files ({listed}): unpack it and name one of them")

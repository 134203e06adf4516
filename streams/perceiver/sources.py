"""From a picture's URI to its bytes, as far as the operator allows: `data:`, `file:` below named folders, `http:`."""

from __future__ import annotations

import base64
import binascii
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from schemas.errors import BadPicture
from streams.perceiver.web import WebPictures


@dataclass(frozen=True)
class PictureSources:
    """Where pictures may come from: `limit` is the most bytes of one, `roots` the folders of `file:` URIs."""

    limit: int
    web: WebPictures
    roots: tuple[Path, ...] = ()

    def of_item(self, uri: str) -> bytes:
        """Return the bytes of a picture that the catalogue names.

        Raises:
            BadPicture: it may not be read, is too large, or cannot be reached.
        """
        if uri.startswith("file:"):
            return self._file(uri)
        return self.of_user(uri)

    def of_user(self, uri: str) -> bytes:
        """Return the bytes of a picture that a user shows: never a file of this machine.

        Raises:
            BadPicture: as `of_item`.
        """
        if uri[:5].lower() == "data:":
            return bytes_of_data_uri(uri, self.limit)
        return self.web.fetch(uri)

    def _file(self, uri: str) -> bytes:
        url = urlsplit(uri)
        try:
            path = Path(unquote(url.path)).resolve(strict=True)
            allowed = url.netloc in ("", "localhost") and any(path.is_relative_to(r.resolve()) for r in self.roots)
            if not allowed:
                raise BadPicture("not-allowed", f"{uri[:200]!r} is in no folder of perception.file_roots")
            state = path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise BadPicture("no-picture", f"{uri[:200]!r} is no file")
            if state.st_size > self.limit:
                raise BadPicture("too-large", f"{state.st_size} bytes; at most {self.limit} are read")
            with path.open("rb") as file:
                return file.read(self.limit)
        except (OSError, ValueError) as exc:
            # The same words as for a folder that is not allowed: nobody learns which files there are.
            raise BadPicture("not-allowed", f"{uri[:200]!r} is in no folder of perception.file_roots") from exc


def bytes_of_data_uri(uri: str, limit: int) -> bytes:
    """Return the content of a `data:` URI, of at most `limit` bytes.

    Raises:
        BadPicture: it is larger, or no such URI.

    >>> bytes_of_data_uri("data:text/plain;base64,aGF0", 100)
    b'hat'
    """
    head, comma, body = uri.partition(",")
    if not comma:
        raise BadPicture("no-picture", "a data: URI without a comma, after which its content would begin")
    if len(body) > 4 * (limit // 3 + 1):
        raise BadPicture("too-large", f"a data: URI of {len(body)} characters; {limit} bytes are allowed")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadPicture("no-picture", f"a data: URI that is no base64: {exc}") from exc

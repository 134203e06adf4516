"""How a client proves who it talks to, and who it is itself, over TLS."""

from __future__ import annotations

from msgspec import Struct


class TlsFiles(Struct, frozen=True, kw_only=True):
    """PEM files of a client: the authority of the server's certificate, its own certificate and that one's key.

    An empty `authority` means the system's authorities, an empty `certificate` that the client shows none.
    """

    authority: str = ""
    certificate: str = ""
    key: str = ""


PLAIN_TLS = TlsFiles()
"""No files: the system's authorities, and no certificate of the client."""

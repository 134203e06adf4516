"""Fetches pictures of named hosts over HTTP, so that nobody can make this machine call another one.

An address is data from outside: it may name a host of the private network, resolve to one, or redirect to one. Hence
only hosts of the allow-list are asked; a host's addresses are resolved once, each must be a public one, and the
connection goes to the very address that was checked; a redirect may lead to the same host alone.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

from schemas.errors import BadPicture

REDIRECTS = 2
READ_AT_ONCE = 65_536
DEFAULT_PORTS = {"http": 80, "https": 443}
TRANSLATED = IPv6Network("64:ff9b::/96")
"""Addresses that a gateway translates to those of IPv4, private ones too (RFC 6052)."""
_MOVED = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host, or raises OSError."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Return whether an address is one of the public Internet.

    >>> [is_public(address) for address in ("8.8.8.8", "127.0.0.1", "10.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False, False]
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.sixtofour or ip.teredo or ip in TRANSLATED:
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class WebPictures:
    """Fetches from `hosts` alone, at most `limit` bytes within `seconds`, from any of `allowed` addresses.

    `clock` is monotonic, in seconds.
    """

    hosts: frozenset[str]
    limit: int
    seconds: float
    clock: Callable[[], float]
    resolve: Resolve = resolve
    allowed: Callable[[str], bool] = is_public
    ports: frozenset[int] = frozenset(DEFAULT_PORTS.values())

    def fetch(self, uri: str) -> bytes:
        """Return what is at this address.

        Raises:
            BadPicture: it may not be fetched, is too large, or does not answer in time.
        """
        deadline = self.clock() + self.seconds
        host = ""
        for _ in range(REDIRECTS + 1):
            url = self._checked(uri)
            if host and url.hostname != host:
                raise BadPicture("not-allowed", f"{host!r} redirects to another host, {url.hostname!r}")
            host = url.hostname or ""
            try:
                answer = self._get(url, deadline)
            except (OSError, http.client.HTTPException) as exc:
                raise BadPicture("unreachable", f"{host!r} does not answer as it should: {exc}") from exc
            if isinstance(answer, bytes):
                return answer
            uri = urljoin(uri, answer)
        raise BadPicture("unreachable", f"{host!r} redirects more than {REDIRECTS} times")

    def _checked(self, uri: str) -> SplitResult:
        try:
            url = urlsplit(uri)
            port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
        except ValueError as exc:
            raise BadPicture("not-allowed", f"{uri[:200]!r} is no address: {exc}") from exc
        if url.scheme not in DEFAULT_PORTS or port not in self.ports or url.username is not None:
            raise BadPicture("not-allowed", f"{uri[:200]!r}: only http and https at their own ports, without a login")
        if (url.hostname or "") not in self.hosts:
            raise BadPicture("not-allowed", f"host {url.hostname!r} is not in perception.http_hosts")
        return url

    def _get(self, url: SplitResult, deadline: float) -> bytes | str:
        """Return the body, or where the server says that it is."""
        host, port = url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]
        addresses = self.resolve(host, port)
        for address in addresses:
            if not self.allowed(address):
                raise BadPicture("private-address", f"{host!r} is at {address}, which is no address of the Internet")
        connection = _Pinned(host, port, addresses[0], self._left(deadline), tls=url.scheme == "https")
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("GET", path, headers={"Accept": "image/*", "Accept-Encoding": "identity"})
            with connection.getresponse() as response:
                return self._answer(connection, response, deadline)
        finally:
            connection.close()

    def _answer(self, connection: _Pinned, response: http.client.HTTPResponse, deadline: float) -> bytes | str:
        if response.status in _MOVED:
            return response.headers.get("Location", "")
        if response.status != 200:
            raise BadPicture("unreachable", f"the server answers with status {response.status}")
        stated = response.headers.get("Content-Length", "")
        if stated.isdigit() and int(stated) > self.limit:
            raise BadPicture("too-large", f"{stated} bytes; at most {self.limit} are fetched")
        body = bytearray()
        while part := response.read1(READ_AT_ONCE):
            body += part
            if len(body) > self.limit:
                raise BadPicture("too-large", f"more than {self.limit} bytes")
            if connection.sock is not None:
                connection.sock.settimeout(self._left(deadline))
        return bytes(body)

    def _left(self, deadline: float) -> float:
        left = deadline - self.clock()
        if left <= 0.0:
            raise BadPicture("unreachable", f"it takes longer than {self.seconds:g} s")
        return left


class _Pinned(http.client.HTTPConnection):
    """A connection to one address of a host, whatever the host's name resolves to by then."""

    def __init__(self, host: str, port: int, address: str, timeout: float, *, tls: bool) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        """Connect to the address; with TLS, the certificate must be the host's."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

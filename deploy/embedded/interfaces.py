"""The addresses of this machine besides loopback, and what answers there."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import psutil

CONNECT_SECONDS = 1.0


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches an address or host name.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("fe80::1%eth0")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def other_addresses() -> list[str]:
    """Return every address of an interface that is up, but those of loopback."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    addresses = {
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if name in up and entry.family in (socket.AF_INET, socket.AF_INET6)
    }
    return sorted(address for address in addresses if not is_loopback(address))


def answering(addresses: Sequence[str], ports: Iterable[int]) -> list[tuple[str, int]]:
    """Return the addresses and ports that accept a connection."""
    tried = list(product(addresses, sorted(set(ports))))
    with ThreadPoolExecutor(16) as pool:
        return [at for at, accepts in zip(tried, pool.map(_accepts, tried), strict=True) if accepts]


def _accepts(at: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(at, timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False

"""Run a program in a network of its own, and forward chosen ports of this machine's loopback interface to it.

``python -m deploy.embedded.private_network --forward 19530 --pages 9091 -- milvus run standalone`` (1) listens on the
ports, on loopback, (2) moves itself into a new network namespace, whose only interface is a loopback of its own,
(3) starts the program there, (4) forwards until the program ends, and ends with its exit code. Sockets stay in the
namespace in which they were made: the listening ones are this machine's, those to the program the namespace's. Nobody
outside reaches any other port of the program, on whatever address it listens.

An ordinary user may do this where the kernel lets users make user namespaces.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
PR_SET_PDEATHSIG = 1
LOOPBACK = "127.0.0.1"
ANSWERED_PAGES = re.compile(rb"GET (/healthz|/metrics) HTTP/1\.[01]\r\n")
"""All that a port of ``--pages`` answers. The client's own request is never passed on."""
HEAD_BYTES, HEAD_SECONDS = 16_384, 5.0
CHUNK = 65_536
NAMESPACE_REFUSED = 78
"""The exit code where the kernel refuses a network namespace: ``EX_CONFIG`` of ``sysexits.h``."""

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
_libc = ctypes.CDLL(None, use_errno=True)


def enter_private_network() -> None:
    """Move this process, which must have one thread, into a network namespace with nothing but loopback.

    Raises:
        OSError: the kernel refuses.
    """
    user, group = os.getuid(), os.getgid()
    try:
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
    except OSError:
        # A privileged process needs no user namespace, which the kernel may forbid to everybody.
        _unshare(CLONE_NEWNET)
    else:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING))


def _unshare(flags: int) -> None:
    if _libc.unshare(flags):
        code = ctypes.get_errno()
        raise OSError(code, f"unshare: {os.strerror(code)}")


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends. Called between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


async def forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect to ``port`` and copy both ways until both sides have closed."""
    try:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def answer_page(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one GET of one of `ANSWERED_PAGES` from ``port``, and everything else with 404."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        page = ANSWERED_PAGES.match(head)
        if page is None:
            writer.write(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
            inner_writer.write(b"GET " + page[1] + b" HTTP/1.0\r\nHost: localhost\r\n\r\n")
            await _copy(inner_reader, writer)
            inner_writer.close()
    writer.close()


async def serve(listening: Sequence[tuple[socket.socket, Handler]], command: Sequence[str]) -> int:
    """Run the command and serve the sockets until it ends; return its exit code, as a shell would."""
    process = await asyncio.create_subprocess_exec(
        *command, preexec_fn=partial(_die_with, os.getpid()), process_group=0
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_send, process, number))
    servers = [await asyncio.start_server(handler, sock=sock, limit=HEAD_BYTES) for sock, handler in listening]
    code = await process.wait()
    for server in servers:
        server.close()
    return code if code >= 0 else 128 - code


def _send(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="private_network", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--forward", type=int, action="append", default=[], metavar="PORT")
    parser.add_argument("--pages", type=int, action="append", default=[], metavar="PORT")
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(arguments)
    handlers = [(port, forward) for port in wanted.forward] + [(port, answer_page) for port in wanted.pages]
    listening = [(socket.create_server((LOOPBACK, port)), partial(handler, port)) for port, handler in handlers]
    try:
        enter_private_network()
    except OSError as exc:
        print(f"the kernel refuses a network namespace: {exc}", file=sys.stderr)  # noqa: T201
        return NAMESPACE_REFUSED
    return asyncio.run(serve(listening, wanted.command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""TLS before a plain server: ``python -m tests.tls_terminator host:port certificate key [authority of clients]``.

Prints the port on loopback on which it listens, and passes on what comes, until it is killed.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress


async def serve(address: str, certificate: str, key: str, clients: str = "") -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients or None)
    context.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_NONE
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))

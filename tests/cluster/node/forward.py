"""Carries connections from the machine's loopback into a node's network: run as a program, with a port and a pid.

Tests, kubectl and helm run outside the node's namespaces and need one address of it, kube-apiserver's. The socket
that listens is made before the network is changed, those that connect afterwards. Only the standard library is used.
"""

import asyncio
import ctypes
import os
import socket
import sys
from pathlib import Path

CLONE_NEWNET = 0x40000000
CHUNK_BYTES = 1 << 16
LOOPBACK = "127.0.0.1"


def enter_network(pid: int) -> None:
    """Make this thread's new sockets those of the process's network. OSError where that is refused."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction of one connection, to its end; the other may go on."""
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(listener: socket.socket, port: int) -> None:
    """Carry connections until killed."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))
        for each in (writer, inner_writer):
            each.close()

    server = await asyncio.start_server(accept, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Arguments: the port, the same on both sides, and the pid of a process in the node's network."""
    port, pid = int(sys.argv[1]), int(sys.argv[2])
    listener = socket.create_server((LOOPBACK, port), backlog=128)
    enter_network(pid)
    asyncio.run(serve(listener, port))


if __name__ == "__main__":
    main()

"""A pooler that shares connections by transaction, as strict as any: each transaction gets the next connection."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

ALLOWED = {"user", "database", "client_encoding", "application_name", "options"}
"""Startup parameters that it takes; any other is refused, as pgbouncer does."""

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_Requests = asyncio.Queue[bytes | None]


class Pooler:
    """Listens on a port of its own, and holds a few connections to the server's socket."""

    def __init__(self, folder: Path, port: int, size: int) -> None:
        self._path = folder / f".s.PGSQL.{port}"
        self._size = size
        self._free: list[tuple[_Streams, asyncio.Lock]] = []
        self._next = iter(cycle(range(size)))
        self._hello = b""
        self.port = 0
        self.transactions = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, user: str, database: str) -> asyncio.Server:
        """Connect to the server and begin to listen."""
        for _ in range(self._size):
            reader, writer = await asyncio.open_unix_connection(str(self._path))
            words = b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0\0"
            writer.write(struct.pack("!II", len(words) + 8, 196608) + words)
            hello = b""
            while True:
                kind, message = await _message(reader)
                hello += message if kind in b"SK" else b""
                if kind == b"Z":
                    break
            self._hello = hello
            self._free.append(((reader, writer), asyncio.Lock()))
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def close(self) -> None:
        """Let go of the server."""
        for task in self._tasks:
            task.cancel()
        for (_, writer), _ in self._free:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if await self._greet(reader, writer):
                requests: _Requests = asyncio.Queue()
                reading = asyncio.ensure_future(_read(reader, requests))
                try:
                    while await self._transaction(requests, writer):
                        self.transactions += 1
                finally:
                    reading.cancel()
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            if body[:4] != struct.pack("!I", 80877103):
                break
            writer.write(b"N")
        words = body[4:].split(b"\0")
        for name in words[0:-2:2]:
            if name and name.decode() not in ALLOWED:
                said = b"SFATAL\0C08P01\0Munsupported startup parameter: " + name + b"\0\0"
                writer.write(b"E" + struct.pack("!I", len(said) + 4) + said)
                await writer.drain()
                return False
        writer.write(b"R" + struct.pack("!II", 8, 0) + self._hello + b"Z" + struct.pack("!I", 5) + b"I")
        return True

    async def _transaction(self, requests: _Requests, writer: asyncio.StreamWriter) -> bool:
        """Carry one transaction of a client to the next connection; False where the client has ended."""
        request = await requests.get()
        if request is None:
            return False
        (near, far), lock = self._free[next(self._next)]
        async with lock:
            far.write(request)
            asked, said = asyncio.ensure_future(requests.get()), asyncio.ensure_future(_message(near))
            try:
                while True:
                    await asyncio.wait({asked, said}, return_when=asyncio.FIRST_COMPLETED)
                    if said.done():
                        kind, message = said.result()
                        writer.write(message)
                        if kind == b"Z" and message[5:6] == b"I":
                            await writer.drain()
                            return True
                        said = asyncio.ensure_future(_message(near))
                    elif asked.done():
                        request = asked.result()
                        if request is None:
                            raise EOFError("a client left in the middle of a transaction")
                        far.write(request)
                        asked = asyncio.ensure_future(requests.get())
            finally:
                asked.cancel()
                said.cancel()


async def _read(reader: asyncio.StreamReader, requests: _Requests) -> None:
    """Queue what a client sends, and None when it says goodbye."""
    try:
        while True:
            kind, message = await _message(reader)
            if kind == b"X":
                break
            requests.put_nowait(message)
    except (OSError, EOFError):
        pass
    requests.put_nowait(None)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


@asynccontextmanager
async def pooling(folder: Path, port: int, size: int = 4) -> AsyncGenerator[Pooler, None]:
    """Run a pooler before the server whose socket is in a folder."""
    pooler = Pooler(folder, port, size)
    server = await pooler.open("ensue", "postgres")
    try:
        yield pooler
    finally:
        server.close()
        pooler.close()
        await asyncio.sleep(0)

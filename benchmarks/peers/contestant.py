"""What every contestant is asked to do. This file and the contestants' run in environments without ensue.

    python -m benchmarks.peers.pgqueuer_jobs worker DSN FILE
    python -m benchmarks.peers.pgqueuer_jobs client DSN WHAT COUNT PAUSE_MS

A job does nothing but write one record of 16 bytes to a shared file: its number, and the machine's monotonic clock
in nanoseconds. Job `a` notes its end and then enqueues job `b` (with ensue, its success starts `b`), which notes its
start.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

A, B = 0, 1 << 32
"""What is added to a job's number, to tell who has written."""

_record = struct.Struct("=qq")


class Client(Protocol):
    """A client in a process of its own."""

    async def one(self, number: int) -> None:
        """Enqueue one `b`; durable on return."""
        ...

    async def tell(self, number: int) -> None:
        """Hand something in, with nobody there to work on it: ensue emits an event, the others enqueue a job."""
        ...

    async def chains(self, numbers: Sequence[int]) -> None:
        """Enqueue some `a`, in the fastest way there is."""
        ...


Open = Callable[[str], AbstractAsyncContextManager[Client]]
"""Opens a client on a database."""

Work = Callable[[str], AbstractAsyncContextManager[None]]
"""Makes the schema, then works while the block runs."""


class Notes:
    """The shared file."""

    def __init__(self) -> None:
        self._file = -1

    def open(self, path: str) -> None:
        """Write to this file from now on."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, number: int) -> None:
        """Write a record; it is so short that it is written whole."""
        os.write(self._file, _record.pack(number, time.monotonic_ns()))


notes = Notes()


def records(data: bytes) -> list[tuple[int, int]]:
    """Return (number, nanoseconds) of each record."""
    return list(_record.iter_unpack(data))


def main(open_client: Open, work: Work) -> None:
    """Do what the command line says."""
    role, dsn, *rest = sys.argv[1:]
    done = (
        _work(work, dsn, rest[0]) if role == "worker" else _ask(open_client, dsn, rest[0], int(rest[1]), int(rest[2]))
    )
    try:
        import uvloop
    except ImportError:
        asyncio.run(done)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(done)


async def _work(work: Work, dsn: str, path: str) -> None:
    """Work until the input ends."""
    notes.open(path)
    stop = asyncio.Event()
    async with work(dsn):
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
        print("ready", flush=True)
        await stop.wait()


async def _ask(open_client: Open, dsn: str, what: str, count: int, pause_ms: int) -> None:
    """Enqueue, and print when each enqueueing began and when the last was done."""
    began: list[int] = []
    async with open_client(dsn) as client:
        async for numbers in _paced(range(count), what == "chains" and not pause_ms, pause_ms):
            began.append(time.monotonic_ns())
            match what:
                case "chains":
                    await client.chains(numbers)
                case "one":
                    await client.one(numbers[0])
                case _:
                    await client.tell(numbers[0])
        ended = time.monotonic_ns()
    print(json.dumps({"began": began, "ended": ended}), flush=True)


async def _paced(numbers: Sequence[int], at_once: bool, pause_ms: int) -> AsyncIterator[Sequence[int]]:
    if at_once:
        yield numbers
        return
    for number in numbers:
        if pause_ms:
            await asyncio.sleep(pause_ms / 1_000)
        yield [number]

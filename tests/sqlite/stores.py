"""What the SQLite tests stand on: stores over real files, and other processes."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from ensue_adapters.sqlite import SQLiteStore
from ensue_adapters.sqlite.url import parse_url
from ensue_adapters.sqlite.writer import Writer
from ensue_core.clock import SYSTEM_CLOCK, Clock
from ensue_core.ports import Store
from ensue_core.records import Record

HERE = Path(__file__).parent


@asynccontextmanager
async def opened(
    path: Path, options: str = "", namespace: str = "test", clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[SQLiteStore]:
    """Open a store on a file and close it."""
    store = SQLiteStore(parse_url(f"sqlite:///{path}?{options}"), namespace, clock)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def writer_of(store: SQLiteStore) -> Writer:
    """The writer of an open store."""
    writer = store._writer
    assert writer is not None
    return writer


async def whole(store: Store) -> list[Record]:
    """The whole log, read from the file or memory page by page."""
    records: list[Record] = []
    while page := await store.log.read(records[-1].position if records else 0, 1000):
        records += page
    return records


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask the file something from outside."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


@asynccontextmanager
async def other_process(script: str, *arguments: object) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run one of the programs beside this file; it is killed if it still runs at the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / script),
        *[str(each) for each in arguments],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()

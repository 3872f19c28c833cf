"""The server that is measured: the one that is named, or one started here as it comes, but durable."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.postgres.databases import connected
from tests.servers.postgres import local, system_binaries, wheel_binaries

SETTINGS = ("max_connections=300", "log_min_messages=fatal")
"""All else is left as Postgres comes: fsync, full_page_writes and synchronous_commit are on."""


@contextmanager
def serving(address: str | None, folder: Path | None) -> Generator[str, None, None]:
    """Give the URL of a server's maintenance database; the system's binaries come before the wheel's."""
    if address is not None:
        yield address
        return
    binaries = next(iter(system_binaries()), None) or wheel_binaries()
    if binaries is None:
        raise SystemExit("no Postgres to measure: name one with --server, or run `make env` for the wheel's")
    with local(binaries, SETTINGS, folder) as server:
        yield server.url


def version_of(url: str) -> str:
    """Return the server's version."""

    async def ask() -> str:
        async with connected(url) as connection:
            return str(await connection.fetchval("SHOW server_version"))

    return asyncio.run(ask()).split()[0]

"""The server under attack: killed, restarted, cut off in the middle of anything; it always comes again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter

import asyncpg

from tests.servers.postgres import Server


class Database:
    """A server that was started for one deployment."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.url = server.url

    def harm(self, draw: random.Random, counts: Counter[str]) -> None:
        """Do one of the things that happen to servers; returns when it runs again."""
        match draw.randrange(6):
            case 0 | 1:
                counts["server killed"] += 1
                self._server.kill()
                time.sleep(draw.choice([0.0, 0.1, 0.7]))
                self._server.start()
            case 2:
                counts["server restarted"] += 1
                self._server.stop(draw.choice([signal.SIGINT, signal.SIGQUIT]))
                self._server.start()
            case 3 | 4:
                counts["backend killed"] += 1
                self._server.kill_child(draw.randrange(100))
                self._server.wait()
            case _:
                counts["connections cut"] += 1
                asyncio.run(self._cut())

    async def _cut(self) -> None:
        """Cut every connection, as a network does."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        finally:
            connection.terminate()

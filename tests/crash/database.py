"""The server under attack: killed, restarted, cut off, replaced by its standby in the middle of anything."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager

import asyncpg

from tests.servers.cluster import Cluster, cluster
from tests.servers.postgres import NoServer, Server, binaries, local


class Database:
    """A server that was started for one deployment; each harm returns when it, or its successor, runs again."""

    def __init__(self, url: str, server: Callable[[], Server], draw: random.Random, counts: Counter[str]) -> None:
        self.url = url
        self._server = server
        self._draw = draw
        self._counts = counts
        self._harms = [self.kill, self.kill, self.restart, self.kill_backend, self.kill_backend, self.cut]

    def harm(self) -> None:
        """Do one of the things that happen to servers."""
        self._draw.choice(self._harms)()

    def kill(self) -> None:
        """Kill every process of it."""
        self._counts["server killed"] += 1
        self._server().kill()
        time.sleep(self._draw.choice([0.0, 0.1, 0.7]))
        self._server().start()

    def restart(self) -> None:
        """Restart it, as its administrator does."""
        self._counts["server restarted"] += 1
        self._server().stop(self._draw.choice([signal.SIGINT, signal.SIGQUIT]))
        self._server().start()

    def kill_backend(self) -> None:
        """Kill one of its processes: it then ends the others and recovers, or ends itself."""
        self._counts["backend killed"] += 1
        server = self._server()
        server.kill_child(self._draw.randrange(100))
        try:
            server.wait()
        except NoServer:
            if server.runs:
                raise
            server.start()

    def cut(self) -> None:
        """Cut every connection, as a network does."""
        self._counts["connections cut"] += 1
        asyncio.run(self._cut())

    async def _cut(self) -> None:
        connection = await asyncpg.connect(self._server().url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        finally:
            connection.terminate()


class ReplicatedDatabase(Database):
    """The same with a synchronous standby, which takes over now and then, or is gone for a while."""

    def __init__(self, pair: Cluster, draw: random.Random, counts: Counter[str]) -> None:
        super().__init__(pair.url, lambda: pair.primary, draw, counts)
        self._pair = pair
        self._harms = [self.fail_over, self.fail_over, self.lose_standby, self.kill, self.kill_backend, self.cut]

    def harm(self) -> None:
        """Do one of the things that happen to servers.

        A primary that has just recovered shows what its standby may lack: nobody promotes the one before it caught up.
        """
        super().harm()
        self._pair.catch_up()

    def fail_over(self) -> None:
        """Kill the primary for good; its standby takes over, and soon has one itself."""
        self._counts["failover"] += 1
        self._pair.fail_over()
        time.sleep(self._draw.choice([0.0, 0.3]))
        self._pair.rejoin()

    def lose_standby(self) -> None:
        """Kill the standby: commits wait until it is back."""
        self._counts["standby killed"] += 1
        self._pair.standby.kill()
        time.sleep(self._draw.choice([0.1, 0.7]))
        self._pair.standby.start()


@contextmanager
def database(draw: random.Random, counts: Counter[str], *, replicated: bool) -> Generator[Database]:
    """Start a server, with a synchronous standby or alone."""
    if replicated:
        with cluster() as pair:
            yield ReplicatedDatabase(pair, draw, counts)
    else:
        with local(binaries()) as server:
            yield Database(server.url, lambda: server, draw, counts)

"""The hint between processes: LISTEN on a connection of its own, tested now and then, made again when it is lost.

It only saves time: what is lost is found by polling, and while nobody is heard, polling is faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg

from ensue_adapters.postgres.connections import arguments
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.space import Space
from ensue_adapters.postgres.statements import Statements
from ensue_adapters.postgres.trouble import Trouble

if TYPE_CHECKING:
    from asyncpg import Connection, Record

TEST_SECONDS = 10.0
"""How often the listener tells itself something; a connection that is cut half-way says nothing by itself."""

ANSWER_SECONDS = 5.0
_PAUSE_FIRST, _PAUSE_LONGEST = 0.1, 5.0


class Listener:
    """Hears of users' commits on a namespace's channel, and of other engines' on one of its own, where it says so.

    `heard` is called for each; `hears` says whether it works.
    """

    def __init__(
        self,
        place: Place,
        space: Space,
        statements: Statements,
        heard: Callable[[], None],
        changed: Callable[[bool], None],
        test_seconds: float = TEST_SECONDS,
    ) -> None:
        self.hears = False
        self.pid = 0
        self._place = place
        self._space = space
        self._statements = statements
        self._heard = heard
        self._changed = changed
        self._test_seconds = test_seconds
        self._answered = asyncio.Event()
        self._lost = asyncio.Event()
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection[Record] | None = None

    async def open(self) -> None:
        """Begin to listen; returns after the first try, whether it worked or not."""
        self._task = asyncio.create_task(self._work(), name="ensue-listener")
        await self._tried.wait()

    async def close(self) -> None:
        """Stop listening."""
        task, self._task = self._task, None
        if self._connection is not None:
            with suppress(*Trouble):
                async with asyncio.timeout(1.0):
                    await self._say(self._connection, "store/unlisten")
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        pause = _PAUSE_FIRST
        while True:
            with suppress(*Trouble):
                await self._listen()
            if self.hears:
                pause = _PAUSE_FIRST
            self._set(False)
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_LONGEST)

    async def _listen(self) -> None:
        connection = self._connection = await asyncpg.connect(**arguments(self._place))
        try:
            self._lost.clear()
            connection.add_termination_listener(self._terminated)
            self.pid = connection.get_server_pid()
            await connection.add_listener(self._space.channel, self._notified)
            await connection.add_listener(self._space.mine, self._notified)
            while await self._test(connection):
                self._set(True)
                self._tried.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._test_seconds):
                        await self._lost.wait()
                        return
        finally:
            connection.terminate()

    async def _test(self, connection: Connection[Record]) -> bool:
        """Tell ourselves something and wait until it comes back."""
        self._answered.clear()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._say(connection, "store/listen")
                await connection.execute("SELECT pg_notify($1, '')", self._space.mine)
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    def _set(self, hears: bool) -> None:
        if hears != self.hears:
            self.hears = hears
            self._changed(hears)

    async def _say(self, connection: Connection[Record], name: str) -> None:
        await Session(connection, self._statements).row(name, namespace=self._space.number, mine=self._space.mine)

    def _notified(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        if pid == self.pid:
            self._answered.set()
        else:
            self._heard()

    def _terminated(self, connection: Any) -> None:
        self._lost.set()

"""A network that is slow, cut, or silent between engines and brokers: what is acknowledged stands once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest

from ensue.testing.conformance.drafts import event
from ensue_adapters.kafka.log import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import EnsueError
from ensue_core.ids import new_id
from ensue_core.ports import Store
from tests.servers.brokers import cluster
from tests.servers.kafka import NEWEST

pytestmark = pytest.mark.slow
State = Literal["well", "slow", "cut", "silent"]


class Network:
    """Proxies before brokers. Slow: each piece waits; cut: connections break; silent: nothing comes through."""

    def __init__(self) -> None:
        self.state: State = "well"
        self._draw = random.Random(5)
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def before(self, fronts: list[tuple[int, int]]) -> AsyncGenerator[None, None]:
        """Listen for clients of each broker."""
        servers = [await asyncio.start_server(self._to(port), "127.0.0.1", front) for front, port in fronts]
        try:
            yield
        finally:
            self.cut()
            for each in servers:
                each.close()

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    def _to(self, port: int):  # type: ignore[no-untyped-def]
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                back, there = await asyncio.open_connection("127.0.0.1", port)
                self._writers |= {writer, there}
                await asyncio.gather(self._carry(reader, there), self._carry(back, writer))

        return serve

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                if self.state == "slow":
                    await asyncio.sleep(self._draw.random() * 0.1)
                while self.state == "silent":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


async def emitting(store: Store, acked: list[str], stop: asyncio.Event) -> None:
    """Append events, one after another, and note those that are acknowledged."""
    while not stop.is_set():
        drafts = [event("one", id=new_id()), event("two", id=new_id())]
        with contextlib.suppress(EnsueError):
            await store.log.append(drafts)
            acked += [each.id for each in drafts]


async def test_what_is_acknowledged_stands_once_whatever_the_network_does(tmp_path: Path) -> None:
    network, acked, stop = Network(), list[str](), asyncio.Event()
    with cluster(NEWEST, proxied=True) as brokers:
        views = quote(f"sqlite:///{tmp_path}/views.db", safe="")
        address = ",".join(f"127.0.0.1:{front}" for front, _ in brokers.fronts)
        async with network.before(brokers.fronts):
            url = f"kafka://{address}/net?events=2&attempts=1&views={views}"
            stores = [open_store(url, "default", SYSTEM_CLOCK) for _ in range(2)]
            for store in stores:
                await store.open()
            work = [asyncio.create_task(emitting(store, acked, stop)) for store in stores]
            weather: tuple[tuple[State, float], ...] = (
                ("well", 0.5), ("slow", 2.0), ("cut", 2.0), ("silent", 2.0), ("cut", 1.0),
            )  # fmt: skip
            for state, seconds in weather:
                before, network.state = len(acked), state
                for _ in range(round(seconds / 0.25)):
                    await asyncio.sleep(0.25)
                    if state == "cut":
                        network.cut()
                assert state in ("silent", "cut") or len(acked) > before
            network.state = "well"
            before = len(acked)
            async with asyncio.timeout(20):
                while len(acked) < before + 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            stop.set()
            await asyncio.gather(*work)
            stood: Counter[str] = Counter()
            while page := await stores[0].log.read(stood.total(), 1_000):
                stood.update(each.id for each in page)
            for store in stores:
                await store.close()
    assert set(acked) <= set(stood)
    assert max(stood.values()) == 1

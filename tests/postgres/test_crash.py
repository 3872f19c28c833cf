"""The server itself dies, again and again: nothing that was acknowledged is missing, and nothing half done is there."""

import asyncio
from collections.abc import Iterator

import pytest

from ensue.testing.conformance.drafts import TASK, end, event, matched, step, submitted
from ensue_adapters.postgres import PostgresStore
from ensue_core.errors import CommitUnknown, StoreError
from ensue_core.ids import Id
from ensue_core.ports import Committed
from tests.postgres.stores import opened, until, whole
from tests.servers.postgres import Server, binaries, local

ROUNDS = 4


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server of the test's own, that it may kill."""
    with local(binaries()) as server:
        yield server


async def test_a_killed_server_loses_nothing_that_was_acknowledged(mortal: Server) -> None:
    acknowledged: set[Id] = set()
    steps: set[Id] = set()
    async with opened(mortal.url) as one, opened(mortal.url) as other:
        ending = asyncio.Event()
        work = [
            asyncio.create_task(each)
            for each in (
                _emit(one, acknowledged, ending),
                _emit(other, acknowledged, ending),
                _decide(one, steps, ending),
                _execute(other, acknowledged, ending),
            )
        ]
        for _ in range(ROUNDS):
            await _some(acknowledged, 50)
            await asyncio.to_thread(mortal.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(mortal.start)
        ending.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*work)
        async with opened(mortal.url) as fresh:
            records = await whole(fresh)
            assert [record.position for record in records] == list(range(1, len(records) + 1))
            ids = [record.id for record in records]
            assert len(set(ids)) == len(ids)
            assert acknowledged | steps <= set(ids)
            assert [record.time for record in records] == sorted(record.time for record in records)
            dump = await fresh.dump_decisions()
            await fresh.rebuild_decisions()
            assert await fresh.dump_decisions() == dump


async def _some(acknowledged: set[Id], more: int) -> None:
    wanted = len(acknowledged) + more
    await until(lambda: len(acknowledged) >= wanted)


async def _emit(store: PostgresStore, acknowledged: set[Id], ending: asyncio.Event) -> None:
    while not ending.is_set():
        drafts = [event(), submitted()]
        try:
            await store.log.append(drafts)
            acknowledged |= {each.id for each in drafts}
        except StoreError:
            await asyncio.sleep(0.02)


async def _decide(store: PostgresStore, steps: set[Id], ending: asyncio.Event) -> None:
    while not ending.is_set():
        try:
            row = (await store.decisions.load("main")).row
            mine = step(matched(1), after=row.step, clock=row.clock)
            try:
                effective = isinstance(await store.decisions.commit(mine), Committed)
            except CommitUnknown:
                effective = await _found(store, mine.id)
            if effective:
                steps.add(mine.id)
        except StoreError:
            await asyncio.sleep(0.02)


async def _found(store: PostgresStore, step: Id) -> bool:
    while True:
        try:
            return await store.decisions.find_step("main", step) is not None
        except StoreError:
            await asyncio.sleep(0.02)


async def _execute(store: PostgresStore, acknowledged: set[Id], ending: asyncio.Event) -> None:
    while not ending.is_set():
        try:
            claimed = await store.work.claim("w1", [TASK], 10, 15)
            ends = [end(each.row) for each in claimed]
            counted = await store.work.finish(ends)
            acknowledged |= {each.end.id for each, counts in zip(ends, counted, strict=True) if counts}
        except StoreError:
            pass
        await asyncio.sleep(0.005)


async def test_a_server_that_restarts_cleanly_is_found_again(mortal: Server) -> None:
    async with opened(mortal.url) as store:
        await store.log.append([event()])
        waiting = asyncio.ensure_future(store.log.wait(5))
        for number in range(3):
            await asyncio.to_thread(mortal.stop)
            await asyncio.to_thread(mortal.start)
            async with asyncio.timeout(20):
                ((appended,)) = await store.log.append([event()])
            assert appended.position == number + 2
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

"""Waiting for the log: woken by what comes, never too late, never for nothing."""

from __future__ import annotations

import asyncio

import pytest

from ensue.testing.conformance.drafts import cancellation, claim_one, commit, end, event, submitted, whole
from ensue.testing.conformance.handles import Handles
from ensue_core.ports import Store

__all__ = ["TestWaiting"]


@pytest.mark.asyncio
class TestWaiting:
    """`Log.wait`."""

    async def test_what_is_there_is_not_waited_for(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        assert await make_store.in_time(store.log.wait(1))
        assert await make_store.in_time(store.log.wait(0, 5))

    async def test_an_append_wakes(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        for writer in (store, other):
            after = (await store.log.head()).position
            waiting = asyncio.ensure_future(store.log.wait(after))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            await writer.log.append([event()])
            assert await make_store.in_time(_of(waiting))

    async def test_a_step_a_claim_an_end_and_a_cancellation_wake(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        await store.log.append([submitted(), submitted()])
        first = (await store.log.read(0, 1))[0]
        for act in ("step", "claim", "finish", "cancel"):
            waiting = asyncio.ensure_future(store.log.wait((await store.log.head()).position))
            await asyncio.sleep(0)
            match act:
                case "step":
                    await commit(other, event())
                case "claim":
                    await claim_one(other)
                case "finish":
                    row = await other.work.get(first.id)
                    assert row is not None
                    assert await other.work.finish([end(row)]) == [True]
                case _:
                    assert await other.work.cancel(cancellation((await other.log.read(1, 1))[0].id))
            assert await make_store.in_time(_of(waiting)), act

    async def test_the_time_can_run_out(self, make_store: Handles) -> None:
        store = await make_store()
        assert not await make_store.in_time(store.log.wait(0, 0.2))
        assert not await make_store.in_time(store.log.wait(0, 0))

    async def test_a_wait_that_ran_out_leaves_the_next_one_whole(self, make_store: Handles) -> None:
        store = await make_store()
        assert not await make_store.in_time(store.log.wait(0, 0.1))
        waiting = asyncio.ensure_future(store.log.wait(0, 1000))
        await store.log.append([event()])
        assert await make_store.in_time(_of(waiting))

    async def test_who_waits_for_more_waits_on(self, make_store: Handles) -> None:
        store = await make_store()
        waiting = asyncio.ensure_future(store.log.wait(2))
        for _ in range(2):
            await store.log.append([event()])
            await asyncio.sleep(0.02)
            assert not waiting.done()
        await store.log.append([event()])
        assert await make_store.in_time(_of(waiting))

    async def test_many_may_wait(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        waiting = [asyncio.ensure_future(handles[number % 3].log.wait(0)) for number in range(30)]
        await asyncio.sleep(0.01)
        await handles[0].log.append([event()])
        assert await make_store.in_time(_all(waiting)) == [True] * 30

    async def test_no_wake_up_is_lost(self, make_store: Handles) -> None:
        reader, writer = await make_store(), await make_store()

        async def read_to(last: int) -> None:
            position = 0
            while position < last:
                assert await reader.log.wait(position)
                position += len(await whole(reader, position))

        reading = asyncio.ensure_future(read_to(100))
        for number in range(100):
            await writer.log.append([event()])
            await asyncio.sleep(0.001 if number % 10 == 0 else 0)
        await make_store.in_time(_of(reading))

    async def test_a_cancelled_wait_disturbs_nobody(self, make_store: Handles) -> None:
        store = await make_store()
        given_up, waiting = (asyncio.ensure_future(store.log.wait(0)) for _ in range(2))
        await asyncio.sleep(0.01)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        await store.log.append([event()])
        assert await make_store.in_time(_of(waiting))

    async def test_other_namespaces_do_not_end_a_wait(self, make_store: Handles) -> None:
        store, other = await make_store("a"), await make_store("b")
        waiting = asyncio.ensure_future(store.log.wait(0))
        await other.log.append([event()])
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await _settle(waiting, store)


async def _of(waiting: asyncio.Future[int] | asyncio.Future[None]) -> int | None:
    return await waiting


async def _all(waiting: list[asyncio.Task[int]]) -> list[int]:
    return await asyncio.gather(*waiting)


async def _settle(waiting: asyncio.Task[int], store: Store) -> None:
    await store.log.append([event()])
    await waiting

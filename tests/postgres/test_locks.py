"""Locks are taken in one order, and what is looked at under a lock is looked at after it was had."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ensue.testing.conformance.drafts import TASK, claim_one, end, event, matched, step, submitted
from ensue_adapters.postgres import PostgresStore
from ensue_adapters.postgres.writer import Writer
from ensue_core.facts import InvocationCancelled
from ensue_core.ids import new_id
from ensue_core.ports import Committed, Cursor, EventQuery, Outrun
from ensue_core.records import draft
from ensue_core.rows import EventRow, WorkRow
from tests.postgres.stores import Held, Proxy, codes, connected, opened, whole

Act = Callable[[PostgresStore, WorkRow], Coroutine[Any, Any, object]]


async def _finish(store: PostgresStore, row: WorkRow) -> object:
    return await store.work.finish([end(row)])


async def _cancel(store: PostgresStore, row: WorkRow) -> object:
    return await store.work.cancel(draft(new_id(), InvocationCancelled(row.invocation, row.task, row.created)))


async def _renew(store: PostgresStore, row: WorkRow) -> object:
    return await store.work.renew("w1", [(row.invocation, row.attempt)], 15)


async def _commit(store: PostgresStore, row: WorkRow) -> object:
    chain = await store.decisions.load("main")
    return await store.decisions.commit(step(matched(1), after=chain.row.step, clock=chain.row.clock, through=3))


async def _rebuild(store: PostgresStore, row: WorkRow) -> object:
    await store.rebuild_decisions()
    return row


@pytest.mark.parametrize("act", [_finish, _cancel, _renew, _commit, _rebuild])
async def test_who_waits_for_a_row_does_not_hold_the_log(postgres_url: str, act: Act) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other, connected(postgres_url) as user:
        await store.log.append([submitted()])
        assert isinstance(await store.decisions.commit(step(through=1, clock=1)), Committed)
        claimed = await claim_one(store)
        transaction = user.transaction()
        await transaction.start()
        await user.execute("SELECT FROM work FOR UPDATE; SELECT FROM chains FOR UPDATE")
        waiting = asyncio.ensure_future(act(store, claimed.row))
        await _somebody_waits(postgres_url)
        async with asyncio.timeout(5):
            await other.log.append([event("meanwhile")])
        assert not waiting.done()
        await transaction.rollback()
        async with asyncio.timeout(5):
            await waiting
        dump = await other.dump_decisions()
        await other.rebuild_decisions()
        assert await other.dump_decisions() == dump


async def _somebody_waits(url: str) -> None:
    async with connected(url) as looking:
        for _ in range(500):
            if await looking.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def test_a_step_is_outrun_by_what_commits_while_it_waits_for_the_log(postgres_url: str) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        held = Held(other, "unread")
        await held.inserted.wait()
        later = store.clock.now() + 3_600_000_000
        committing = asyncio.ensure_future(store.decisions.commit(step(clock=later)))
        await _somebody_waits(postgres_url)
        held.may_commit.set()
        await held.task
        assert isinstance(await committing, Outrun)
        assert (await store.decisions.load("main")).row.step == ""


async def test_many_who_append_at_once_never_meet_at_one_position(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bool] = []
    once = Writer._once

    async def watched(self: Writer, job: Any, careful: bool) -> Any:
        tries.append(careful)
        return await once(self, job, careful)

    monkeypatch.setattr(Writer, "_once", watched)
    async with opened(postgres_url) as one, opened(postgres_url) as other, opened(postgres_url) as third:
        stores = (one, other, third)
        for _ in range(10):
            await asyncio.gather(*(each.log.append([submitted()]) for each in stores))
            await asyncio.gather(*(each.work.claim("w1", [TASK], 1, 15) for each in stores))
        assert not any(tries), "an append met a position that stood already"
        records = await whole(one)
        assert [record.position for record in records] == list(range(1, len(records) + 1))


async def test_work_that_many_take_and_end_at_once_locks_nobody_up(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other, connected(postgres_url) as user:
        database = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = await user.fetchval(database)
        await one.log.append([submitted() for _ in range(60)])
        claimed = [*await one.work.claim("w1", [TASK], 60, 15)]
        shuffled = [claimed[(7 * number) % 60] for number in range(60)]
        await asyncio.gather(
            one.work.finish([end(each.row) for each in claimed]),
            other.work.finish([end(each.row) for each in shuffled]),
            other.work.renew("w1", [(each.row.invocation, 1) for each in reversed(claimed)], 15),
            one.work.claim("w2", [TASK], 60, 15),
            *(_cancel(other, each.row) for each in shuffled[::6]),
            *(_commit(one, each.row) for each in claimed[:3]),
        )
        assert await one.work.queued() == 0
        assert await user.fetchval(database) == before


async def test_rows_and_cursor_of_a_page_move_together(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store:
        id = new_id()
        assert await store.views.cursor("queries", 1) == 0
        proxy.cut_at, proxy.cut = b'"events"(', "before"
        moved = await store.views.project(Cursor("queries", 1, 0), {"events": {(id,): EventRow(id, 1, 1, "a")}}, 9)
        assert proxy.cuts == 1
        assert (moved, await store.views.cursor("queries", 1)) == (True, 9)
        assert [row.id for row in await store.views.events(EventQuery())] == [id]


async def test_keys_come_after_the_log_lock(postgres_url: str) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        keyed = [submitted(id=new_id()) for _ in range(8)]
        for _ in range(10):
            answers = await asyncio.gather(store.log.append(keyed), other.log.append([*reversed(keyed)]))
            assert {each.position for answer in answers for each in answer} == set(range(1, 9))
        await other.log.append([event("last")])
        assert await codes(other) == ["last"]

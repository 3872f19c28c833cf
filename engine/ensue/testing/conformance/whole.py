"""The store as a whole: what a rebuild gives, and what callers that give up leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ensue.testing.conformance.drafts import (
    TASK,
    begun,
    cancellation,
    claim_one,
    commit,
    declared,
    end,
    event,
    fired,
    matched,
    step,
    submitted,
    whole,
)
from ensue.testing.conformance.handles import Handles
from ensue.testing.conformance.history import History
from ensue_core.errors import StoreError
from ensue_core.ids import new_id
from ensue_core.ports import Cursor, EventQuery, Store
from ensue_core.rows import EventRow, ProblemRow
from ensue_core.topics import Batch

__all__ = ["TestGivingUp", "TestOpenAndClose", "TestRebuild"]


@pytest.mark.asyncio
class TestRebuild:
    """Dropping the decision views and folding the log again gives the same rows."""

    @pytest.mark.parametrize("seed", range(8))
    async def test_a_rebuild_gives_what_was_live(self, make_store: Handles, seed: int) -> None:
        stores = [await make_store(), await make_store()]
        history = History(seed, stores, make_store.clock)
        before: dict[str, list[tuple[object, ...]]] = {}
        filled = set[str]()
        for _ in range(3):
            await history.run(60)
            before = await stores[0].dump_decisions()
            filled |= {name for name, rows in before.items() if rows}
            assert before == await stores[1].dump_decisions()
            await stores[0].rebuild_decisions()
            assert await stores[0].dump_decisions() == before
            assert await stores[1].dump_decisions() == before
            filled |= {table for table, rows in before.items() if rows}
        assert filled == set(before), "the history never filled a view"

    async def test_a_dump_shows_each_change(self, make_store: Handles) -> None:
        store = await make_store()
        seen = [await store.dump_decisions()]
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: store.log.append([submitted()]),
            lambda: claim_one(store),
            lambda: commit(store),
            lambda: commit(store, declared()),
            lambda: commit(store, declared(due=99)),
            lambda: commit(store, matched(1)),
            lambda: _ingest(store),
        ]
        for act in acts:
            await act()
            dump = await store.dump_decisions()
            assert dump not in seen
            seen.append(dump)

    async def test_a_rebuild_of_nothing_is_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        await store.rebuild_decisions()
        assert not any((await store.dump_decisions()).values())

    async def test_work_goes_on_after_a_rebuild(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        held = await claim_one(store)
        mine = step(matched(1), declared(), through=3)
        await store.decisions.commit(mine)
        await store.rebuild_decisions()
        chain = await store.decisions.load("main")
        assert (chain.row.step, len(chain.waiting), len(chain.triggers)) == (mine.id, 1, 1)
        (other,) = await store.work.claim("w2", [TASK], 5, 15)
        assert other.row.invocation != held.row.invocation
        assert await store.work.finish([end(held.row), end(other.row)]) == [True, True]
        (answer,) = await store.log.append([event()])
        assert answer.position == (await store.log.head()).position

    async def test_a_rebuild_appends_nothing_and_starts_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        run = fired()
        await commit(store, run, begun(run), fired(), worker="w1")
        head = await store.log.head()
        await store.rebuild_decisions()
        assert await store.log.head() == head
        assert len(await store.work.claim("w1", [TASK], 5, 15)) == 1


async def _append(store: Store) -> object:
    return await store.log.append([event() for _ in range(5)])


async def _commit(store: Store) -> object:
    run = fired()
    return await commit(store, run, begun(run), matched(1), declared(), event(), worker="w1")


async def _claim(store: Store) -> object:
    return await store.work.claim("w1", [TASK], 5, 15)


async def _finish(store: Store) -> object:
    rows = await store.work.expired(5)
    assert len(rows) == 2
    return await store.work.finish([end(row, "SUCCESS", event(id=new_id())) for row in rows])


async def _ingest(store: Store) -> object:
    return await store.offsets.ingest([Batch("orders", 0, -1, 5, tuple(event() for _ in range(5)))])


async def _cancel(store: Store) -> object:
    return await store.work.cancel(cancellation((await store.log.read(0, 1))[0].id))


async def _project(store: Store) -> object:
    at = await store.views.cursor("queries", 1)
    id = new_id()
    return await store.views.project(
        Cursor("queries", 1, at),
        {"events": {(id,): EventRow(id, 1, 1, "a")}, "problems": {(9,): ProblemRow(9, 9, "x")}},
        9,
    )


@pytest.mark.asyncio
class TestGivingUp:
    """A caller may be cancelled at any await: what it asked for is done whole or not at all."""

    @pytest.mark.parametrize(
        ("act", "size"),
        [(_append, 5), (_commit, 6), (_claim, 2), (_finish, 4), (_cancel, 1), (_ingest, 6)],
        ids=lambda value: getattr(value, "__name__", str(value)),
    )
    async def test_a_change_is_whole_or_not_there(
        self, make_store: Handles, act: Callable[[Store], Awaitable[object]], size: int
    ) -> None:
        seen: set[int] = set()
        for number, patience in enumerate(_PATIENCE):
            namespace = f"n{number}"
            inspect = await make_store(namespace)
            await inspect.log.append([submitted(), submitted()])
            if act is _finish:
                await inspect.work.claim("w1", [TASK], 2, 10)
                make_store.clock.advance(11)
            before = await inspect.dump_decisions()
            head = (await inspect.log.head()).position
            await _give_up(await make_store(namespace), act, patience)
            grown = (await inspect.log.head()).position - head
            seen.add(grown)
            assert grown in (0, size), patience
            dump = await inspect.dump_decisions()
            assert (dump == before) == (grown == 0 or act is _append)
            await inspect.rebuild_decisions()
            assert await inspect.dump_decisions() == dump
            (answer,) = await inspect.log.append([event()])
            assert answer.position == head + grown + 1
        assert size in seen, "no attempt lasted long enough to do anything"

    async def test_a_page_of_a_view_is_whole_or_not_there(self, make_store: Handles) -> None:
        seen: set[int] = set()
        for number, patience in enumerate(_PATIENCE):
            namespace = f"n{number}"
            inspect = await make_store(namespace)
            await _give_up(await make_store(namespace), _project, patience)
            at = await inspect.views.cursor("queries", 1)
            seen.add(at)
            rows = len(await inspect.views.events(EventQuery())), len(await inspect.views.problems(None, 5))
            assert rows == ((1, 1) if at else (0, 0))
        assert 9 in seen

    async def test_giving_up_does_not_harm_the_handle(self, make_store: Handles) -> None:
        store = await make_store()
        for number in range(20):
            task = asyncio.ensure_future(_append(store))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.log.append([event()])
        head = await store.log.head()
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, head.position + 1))
        assert head.position % 5 == 1


_PATIENCE: list[int | float] = [*range(12), 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.1, 1.0]
"""Turns of the loop, or seconds, after which a caller gives up."""


async def _give_up(store: Store, act: Callable[[Store], Awaitable[object]], patience: int | float) -> None:
    """Ask for an act, give up after a while, and wait until the handle has let go."""
    task = asyncio.ensure_future(act(store))
    if isinstance(patience, int):
        for _ in range(patience):
            await asyncio.sleep(0)
    else:
        await asyncio.wait({task}, timeout=patience)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()


@pytest.mark.asyncio
class TestOpenAndClose:
    """A handle's life."""

    async def test_closing_twice_does_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        await store.close()
        await store.close()

    async def test_a_closed_handle_says_so(self, make_store: Handles) -> None:
        store = await make_store()
        await store.close()
        with pytest.raises(StoreError):
            await store.log.append([event()])
        with pytest.raises(StoreError):
            await store.log.head()

    async def test_closing_one_handle_leaves_the_others(self, make_store: Handles) -> None:
        one, other = await make_store(), await make_store()
        waiting = asyncio.ensure_future(other.log.wait(0))
        await asyncio.sleep(0.01)
        await one.close()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await other.log.append([event()])
        assert await make_store.in_time(asyncio.wait_for(waiting, 10))

    async def test_closing_ends_a_wait(self, make_store: Handles) -> None:
        store = await make_store()
        waiting = asyncio.ensure_future(store.log.wait(0))
        await asyncio.sleep(0.01)
        await store.close()
        (outcome,) = await make_store.in_time(_gathered(waiting))
        assert outcome == 0 or isinstance(outcome, (StoreError, asyncio.CancelledError))

    async def test_a_handle_knows_its_namespace_and_clock(self, make_store: Handles) -> None:
        store = await make_store("b")
        assert (store.namespace, store.clock) == ("b", make_store.clock)

    async def test_a_store_is_well(self, make_store: Handles) -> None:
        health = await (await make_store()).health()
        assert health
        assert all(each.well and each.name and each.says for each in health)


async def _gathered(waiting: asyncio.Task[int]) -> list[int | BaseException]:
    return list(await asyncio.gather(waiting, return_exceptions=True))

"""Ends of attempts: the first one counts, and only that of a current and started attempt."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ensue.testing.conformance.drafts import (
    TASK,
    cancellation,
    claim_one,
    commit,
    end,
    event,
    fired,
    kinds,
    submitted,
    whole,
)
from ensue.testing.conformance.handles import Handles
from ensue_core.facts import AttemptEnded, EndStatus
from ensue_core.ids import new_id
from ensue_core.records import draft

__all__ = ["TestBuffered", "TestCancelling", "TestEnding"]


@pytest.mark.asyncio
class TestEnding:
    """`finish`."""

    @pytest.mark.parametrize("status", ["SUCCESS", "FAILED"])
    async def test_a_final_end_ends_the_invocation(self, make_store: Handles, status: EndStatus) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        mine = end(claimed.row, status, result=b'{"a": [1.0]}')
        assert await store.work.finish([mine]) == [True]
        assert (await whole(store, 2))[0].data == mine.end.data
        assert await store.work.get(claimed.row.invocation) is None
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        assert list(await store.work.expired(5)) == []

    @pytest.mark.parametrize("status", ["RETRY", "RELEASED", "LOST"])
    async def test_another_end_opens_the_next_attempt(self, make_store: Handles, status: EndStatus) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        for attempt in (1, 2, 3):
            claimed = await claim_one(store, f"w{attempt}")
            assert claimed.row.attempt == attempt
            mine = end(claimed.row, status, failures=attempt, crashes=attempt + 1)
            assert await store.work.finish([mine]) == [True]
            row = await store.work.get(claimed.row.invocation)
            assert row is not None
            assert (row.attempt, row.started) == (attempt + 1, False)
            assert (row.failures, row.crashes) == (attempt, attempt + 1)
            assert (row.created, row.task) == (1, TASK)

    async def test_the_first_end_counts(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        assert await store.work.finish([end(claimed.row, "SUCCESS")]) == [True]
        assert await store.work.finish([end(claimed.row, "FAILED")]) == [False]
        assert await kinds(store) == ["InvocationCreated", "AttemptStarted", "AttemptEnded"]

    async def test_a_stale_end_is_refused(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        stale = await claim_one(store, "w1")
        assert await store.work.finish([end(stale.row, "LOST")]) == [True]
        assert await store.work.finish([end(stale.row, "SUCCESS")]) == [False]
        current = await claim_one(store, "w2")
        assert await store.work.finish([end(stale.row, "SUCCESS")]) == [False]
        assert await store.work.finish([end(current.row, "SUCCESS")]) == [True]
        ends = [record.fact for record in await whole(store) if isinstance(record.fact, AttemptEnded)]
        assert [(fact.attempt, fact.status) for fact in ends] == [(1, "LOST"), (2, "SUCCESS")]

    async def test_an_end_of_what_has_not_started_is_refused(self, make_store: Handles) -> None:
        store = await make_store()
        mine = submitted()
        await store.log.append([mine])
        row = await store.work.get(mine.id)
        assert row is not None
        assert not row.started
        assert await store.work.finish([end(row)]) == [False]
        assert await store.work.finish([end(replace(row, invocation=new_id()))]) == [False]
        assert (await store.log.head()).position == 1
        assert await store.work.get(mine.id) == row

    async def test_an_end_of_a_future_attempt_is_refused(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        assert await store.work.finish([end(replace(claimed.row, attempt=2))]) == [False]
        assert await store.work.finish([end(replace(claimed.row, attempt=0))]) == [False]
        assert (await store.log.head()).position == 2

    async def test_worker_and_reaper_race_and_one_wins(self, make_store: Handles) -> None:
        worker, reaper = await make_store(), await make_store()
        for _ in range(15):
            await worker.log.append([submitted()])
            claimed = await claim_one(worker)
            answers = await asyncio.gather(
                worker.work.finish([end(claimed.row, "SUCCESS")]),
                reaper.work.finish([end(claimed.row, "LOST")]),
            )
            assert sorted(won for (won,) in answers) == [False, True]
            rest = await worker.work.claim("w1", [TASK], 5, 15)
            await worker.work.finish([end(each.row) for each in rest])
        assert await worker.work.queued() == 0

    async def test_ends_of_one_batch_are_judged_one_by_one(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted() for _ in range(4)])
        one, two, three, four = await store.work.claim("w1", [TASK], 4, 15)
        await store.work.finish([end(two.row)])
        batch = [end(one.row), end(two.row), end(three.row, "RETRY"), end(three.row), end(four.row)]
        assert await store.work.finish(batch) == [True, False, True, False, True]
        ids = [record.id for record in await whole(store, 9)]
        assert ids == [batch[0].end.id, batch[2].end.id, batch[4].end.id]
        assert await store.work.finish([]) == []

    async def test_an_end_after_the_lease_ran_out_still_counts(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store, lease_seconds=5)
        make_store.clock.advance(60)
        assert await store.work.finish([end(claimed.row)]) == [True]

    async def test_a_released_attempt_can_be_claimed_at_once(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store, "w1", lease_seconds=1000)
        assert await store.work.finish([end(claimed.row, "RELEASED")]) == [True]
        assert (await claim_one(store, "w2")).row.attempt == 2


@pytest.mark.asyncio
class TestBuffered:
    """What comes with an end comes with an effective one only."""

    async def test_buffered_events_follow_their_end(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        one, two = await store.work.claim("w1", [TASK], 2, 15)
        events = [event(payload=b"%d" % number, id=new_id()) for number in range(3)]
        ends = [end(one.row, "SUCCESS", events[0], events[1]), end(two.row, "SUCCESS", events[2])]
        assert await store.work.finish(ends) == [True, True]
        assert [record.id for record in await whole(store, 4)] == [
            ends[0].end.id,
            events[0].id,
            events[1].id,
            ends[1].end.id,
            events[2].id,
        ]

    async def test_buffered_events_of_a_late_end_are_not_there(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await store.work.finish([end(claimed.row, "LOST")])
        lost = event(id=new_id())
        assert await store.work.finish([end(claimed.row, "SUCCESS", lost)]) == [False]
        assert await store.log.find(lost.id) is None
        assert (await store.log.head()).position == 3

    async def test_a_buffered_event_that_stands_already_stands_once(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        mine, fresh = event(id=new_id()), event(id=new_id())
        await store.log.append([mine])
        assert await store.work.finish([end(claimed.row, "SUCCESS", mine, fresh, fresh)]) == [True]
        ids = [record.id for record in await whole(store)]
        assert (ids.count(mine.id), ids.count(fresh.id), len(ids)) == (1, 1, 5)

    async def test_buffered_submits_become_work(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await store.work.finish([end(claimed.row, "SUCCESS", submitted(id=new_id()))])
        assert (await claim_one(store)).record.kind == "InvocationCreated"


@pytest.mark.asyncio
class TestCancelling:
    """`cancel`: before the end or not at all."""

    async def test_a_cancelled_invocation_never_starts(self, make_store: Handles) -> None:
        store = await make_store()
        mine = submitted()
        await store.log.append([mine])
        said = draft(new_id(), cancellation(mine.id).fact, cause="c", root="r")
        assert await store.work.cancel(said)
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        assert await store.work.get(mine.id) is None
        assert await store.work.next_due([TASK]) is None
        (record,) = await whole(store, 1)
        assert (record.id, record.data, record.cause, record.root) == (said.id, said.data, "c", "r")

    async def test_a_cancelled_attempt_cannot_end(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, fired())
        claimed = await claim_one(store)
        assert await store.work.cancel(cancellation(claimed.row.invocation))
        assert await store.work.finish([end(claimed.row, "SUCCESS", event(id=new_id()))]) == [False]
        assert await store.work.renew("w1", [(claimed.row.invocation, 1)], 10) == [False]
        make_store.clock.advance(60)
        assert list(await store.work.expired(5)) == []
        assert (await kinds(store))[-1] == "InvocationCancelled"

    async def test_an_ended_invocation_cannot_be_cancelled(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await store.work.finish([end(claimed.row)])
        assert not await store.work.cancel(cancellation(claimed.row.invocation))
        assert (await store.log.head()).position == 3

    async def test_only_the_first_cancellation_counts(self, make_store: Handles) -> None:
        store = await make_store()
        mine = submitted()
        await store.log.append([mine])
        assert await store.work.cancel(cancellation(mine.id))
        assert not await store.work.cancel(cancellation(mine.id))
        assert not await store.work.cancel(cancellation(new_id()))
        assert (await store.log.head()).position == 2

    async def test_a_retry_that_waits_can_be_cancelled(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await store.work.finish([end(claimed.row, "RETRY", due=make_store.clock.now() + 5)])
        assert await store.work.cancel(cancellation(claimed.row.invocation))
        make_store.clock.advance(60)
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []

    async def test_a_cancellation_and_an_end_race_and_one_wins(self, make_store: Handles) -> None:
        one, other = await make_store(), await make_store()
        for _ in range(15):
            await one.log.append([submitted()])
            claimed = await claim_one(one)
            (ended,), cancelled = await asyncio.gather(
                one.work.finish([end(claimed.row)]), other.work.cancel(cancellation(claimed.row.invocation))
            )
            assert ended != cancelled
        assert await one.work.queued() == 0

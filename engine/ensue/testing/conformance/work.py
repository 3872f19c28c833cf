"""Work: each attempt let once, to one worker, when it is due; leases that run out; what is due next."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs
from msgspec.structs import replace

from ensue.testing.conformance.drafts import (
    TASK,
    claim_one,
    commit,
    end,
    fired,
    invocation_of,
    submitted,
    whole,
)
from ensue.testing.conformance.handles import Handles
from ensue_core.defaults import SECOND
from ensue_core.facts import AttemptStarted
from ensue_core.ids import Id, new_id
from ensue_core.records import draft

__all__ = ["TestClaiming", "TestDue", "TestLeaseOfWork"]


@pytest.mark.asyncio
class TestClaiming:
    """`claim`: AttemptStarted is appended, and nobody else gets the attempt."""

    async def test_a_submit_can_be_claimed(self, make_store: Handles) -> None:
        store = await make_store()
        mine = submitted(arguments=b'{"n":1}')
        await store.log.append([mine])
        claimed = await claim_one(store)
        assert claimed.row.invocation == mine.id
        assert (claimed.row.task, claimed.row.attempt, claimed.row.created) == (TASK, 1, 1)
        assert claimed.row.started
        assert claimed.record == (await store.log.read(0, 1))[0]
        assert await store.work.get(mine.id) == claimed.row

    async def test_a_run_can_be_claimed(self, make_store: Handles) -> None:
        store = await make_store()
        run = fired()
        await commit(store, run)
        claimed = await claim_one(store)
        assert claimed.row.invocation == invocation_of(run)
        assert (claimed.record.id, claimed.record.data) == (run.id, run.data)

    async def test_a_claim_is_a_record(self, make_store: Handles) -> None:
        store = await make_store()
        mine = draft(new_id(), submitted().fact, root="the-root")
        await store.log.append([mine])
        await claim_one(store, "w7")
        (record,) = await whole(store, 1)
        assert (record.cause, record.root) == (mine.id, "the-root")
        assert record.fact == AttemptStarted(mine.id, 1, TASK, 1, "w7")

    async def test_depth_and_root_travel_with_the_work(self, make_store: Handles) -> None:
        store = await make_store()
        run = fired()
        await commit(store, draft(run.id, replace(run.fact, depth=4), root="the-root"))
        claimed = await claim_one(store)
        assert (claimed.row.depth, claimed.row.root) == (4, "the-root")
        (record,) = await store.log.read(2, 1)
        assert isinstance(record.fact, AttemptStarted)
        assert (record.fact.depth, record.root) == (4, "the-root")

    async def test_nothing_is_claimed_twice(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        await store.log.append([submitted()])
        await claim_one(store)
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        assert list(await other.work.claim("w2", [TASK], 5, 15)) == []

    async def test_racing_workers_share_the_work(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(4)]
        mine = [submitted() for _ in range(60)]
        await handles[0].log.append(mine)
        taken: list[Id] = []
        for _ in range(6):
            claims = await asyncio.gather(
                *(each.work.claim(f"w{number}", [TASK], 3, 15) for number, each in enumerate(handles))
            )
            taken += [each.row.invocation for claimed in claims for each in claimed]
        assert sorted(taken) == sorted(each.id for each in mine)
        started = [record for record in await whole(handles[0], 60) if record.kind == "AttemptStarted"]
        assert len({record.id for record in started}) == len(started) == 60

    async def test_only_the_tasks_named_are_claimed(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted("a"), submitted("b"), submitted("c")])
        assert [each.row.task for each in await store.work.claim("w1", ["c", "a", "zz"], 5, 15)] == ["a", "c"]
        assert list(await store.work.claim("w1", [], 5, 15)) == []
        assert await store.work.queued() == 3

    async def test_the_limit_holds_and_the_oldest_go_first(self, make_store: Handles) -> None:
        store = await make_store()
        mine = [submitted(f"task.{number % 3}") for number in range(9)]
        for each in mine:
            await store.log.append([each])
            make_store.clock.advance(1)
        tasks = ["task.0", "task.1", "task.2"]
        taken = [each.row.invocation for each in await store.work.claim("w1", tasks, 4, 15)]
        taken += [each.row.invocation for each in await store.work.claim("w1", tasks, 99, 15)]
        assert taken == [each.id for each in mine]
        assert list(await store.work.claim("w1", tasks, 0, 15)) == []

    async def test_many_are_claimed_in_one_go(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted() for _ in range(700)])
        claimed = await store.work.claim("w1", [TASK], 700, 15)
        assert [each.row.created for each in claimed] == list(range(1, 701))
        assert (await store.log.head()).position == 1400

    async def test_queued_counts_what_is_unfinished(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        await commit(store, fired())
        assert await store.work.queued() == 3
        claimed = await claim_one(store)
        assert await store.work.queued() == 3
        await store.work.finish([end(claimed.row)])
        assert await store.work.queued() == 2

    async def test_get_knows_no_ended_and_no_unknown_invocation(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await store.work.finish([end(claimed.row)])
        assert await store.work.get(claimed.row.invocation) is None
        assert await store.work.get(new_id()) is None


@pytest.mark.asyncio
class TestDue:
    """Nothing starts before it is due."""

    async def test_work_that_is_due_later_waits(self, make_store: Handles) -> None:
        store = await make_store()
        due = make_store.clock.now() + 10 * SECOND
        await store.log.append([submitted(due=due)])
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        assert await store.work.next_due([TASK]) == due
        make_store.clock.advance(10)
        assert (await claim_one(store)).row.due == due

    async def test_a_run_may_be_due_later(self, make_store: Handles) -> None:
        store = await make_store()
        due = make_store.clock.now() + 10 * SECOND
        await commit(store, fired(due=due))
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        make_store.clock.advance(11)
        assert (await claim_one(store)).row.due == due

    async def test_a_retry_waits_until_it_is_due(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        due = make_store.clock.now() + 30 * SECOND
        assert await store.work.finish([end(claimed.row, "RETRY", due=due, failures=1)]) == [True]
        assert list(await store.work.claim("w1", [TASK], 5, 15)) == []
        assert await store.work.next_due([TASK]) == due
        make_store.clock.advance(30)
        again = await claim_one(store)
        assert (again.row.attempt, again.row.failures, again.row.started) == (2, 1, True)
        assert again.record.position == 1

    async def test_next_due_is_the_earliest_unstarted_of_those_tasks(self, make_store: Handles) -> None:
        store = await make_store()
        now = make_store.clock.now()
        assert await store.work.next_due(["a", "b"]) is None
        await store.log.append(
            [submitted("a", due=now + 50), submitted("a", due=now + 20), submitted("b", due=now + 9)]
        )
        assert await store.work.next_due(["a"]) == now + 20
        assert await store.work.next_due(["a", "b"]) == now + 9
        assert await store.work.next_due(["c"]) is None
        assert await store.work.next_due([]) is None
        make_store.clock.advance(1)
        await store.work.claim("w1", ["b"], 1, 15)
        assert await store.work.next_due(["a", "b"]) == now + 20

    async def test_what_was_due_first_goes_first(self, make_store: Handles) -> None:
        store = await make_store()
        now = make_store.clock.now()
        late, early = submitted(due=now + 20 * SECOND), submitted(due=now + 10 * SECOND)
        await store.log.append([late, early])
        make_store.clock.advance(60)
        taken = [each.row.invocation for each in await store.work.claim("w1", [TASK], 5, 15)]
        assert taken == [early.id, late.id]

    async def test_work_is_due_at_once_though_the_clock_stepped_back(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        make_store.clock.step(-3600)
        await store.log.append([submitted()])
        assert len(await store.work.claim("w1", [TASK], 5, 15)) == 2


@pytest.mark.asyncio
class TestLeaseOfWork:
    """Leases run out, and can be renewed by who holds them."""

    async def test_a_live_lease_is_not_expired(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        await claim_one(store, lease_seconds=10)
        make_store.clock.advance(9)
        assert list(await store.work.expired(5)) == []

    async def test_a_lease_runs_out(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        await store.log.append([submitted(), submitted()])
        claimed = await claim_one(store, lease_seconds=10)
        make_store.clock.advance(11)
        assert list(await other.work.expired(5)) == [claimed.row]

    async def test_expired_keeps_to_its_limit(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted() for _ in range(5)])
        await store.work.claim("w1", [TASK], 5, 10)
        make_store.clock.advance(11)
        assert len(await store.work.expired(3)) == 3
        assert len(await store.work.expired(10)) == 5

    async def test_a_renewed_lease_lives_on(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store, lease_seconds=10)
        for _ in range(5):
            make_store.clock.advance(8)
            assert await store.work.renew("w1", [(claimed.row.invocation, 1)], 10) == [True]
        assert list(await store.work.expired(5)) == []
        make_store.clock.advance(11)
        assert len(await store.work.expired(5)) == 1

    async def test_only_the_holder_of_the_current_attempt_renews(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        claimed = await claim_one(store)
        mine, unstarted = claimed.row.invocation, (await store.log.read(1, 1))[0].id
        assert await store.work.renew("w2", [(mine, 1)], 10) == [False]
        held = [(mine, 2), (mine, 1), (unstarted, 1), (new_id(), 1)]
        assert await store.work.renew("w1", held, 10) == [False, True, False, False]
        assert await store.work.renew("w1", [], 10) == []
        await store.work.finish([end(claimed.row)])
        assert await store.work.renew("w1", [(mine, 1)], 10) == [False]

    async def test_a_lost_attempt_opens_the_next(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        first = await claim_one(store, "w1", lease_seconds=10)
        make_store.clock.advance(11)
        (late,) = await store.work.expired(5)
        assert await store.work.finish([end(late, "LOST", crashes=1)]) == [True]
        assert list(await store.work.expired(5)) == []
        second = await claim_one(store, "w2")
        assert (second.row.attempt, second.row.crashes) == (2, 1)
        assert await store.work.renew("w1", [(first.row.invocation, 1)], 10) == [False]
        assert await store.work.renew("w1", [(first.row.invocation, 2)], 10) == [False]
        assert await store.work.renew("w2", [(first.row.invocation, 2)], 10) == [True]

    async def test_a_reaped_end_counts_only_while_the_lease_has_run_out(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        claimed = await claim_one(store, "w1", lease_seconds=10)
        make_store.clock.advance(11)
        (late,) = await store.work.expired(5)
        assert await store.work.renew("w1", [(claimed.row.invocation, 1)], 10) == [True]
        reaped = structs.replace(end(late, "LOST", crashes=1), if_expired=True)
        assert await store.work.finish([reaped]) == [False]
        make_store.clock.advance(11)
        assert await store.work.finish([reaped]) == [True]
        assert await store.work.finish([end(claimed.row)]) == [False]

    async def test_an_expired_attempt_is_not_claimed_before_its_end_is_said(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        await claim_one(store, lease_seconds=10)
        make_store.clock.advance(100)
        assert list(await store.work.claim("w2", [TASK], 5, 15)) == []

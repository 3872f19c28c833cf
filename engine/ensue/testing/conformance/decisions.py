"""Steps: effective whole or void whole, one after another, never past an older record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from ensue.testing.conformance.drafts import (
    TASK,
    begun,
    claim_one,
    commit,
    declared,
    effective,
    event,
    fired,
    invocation_of,
    kinds,
    matched,
    step,
    whole,
)
from ensue.testing.conformance.handles import Handles
from ensue_core.defaults import SECOND
from ensue_core.facts import BEGINNING, AttemptStarted, Decided, Through
from ensue_core.ids import NO_ID, new_id
from ensue_core.ports import Committed, Outrun, Step, Superseded

__all__ = ["TestOutrun", "TestStarts", "TestStepId", "TestSteps", "TestSuperseded"]


@pytest.mark.asyncio
class TestSteps:
    """What an effective Step leaves."""

    async def test_facts_come_in_order_and_decided_last(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        facts = [matched(1), fired(), event()]
        mine = step(*facts, through=1)
        committed = effective(await store.decisions.commit(mine))
        assert [record.id for record in committed.records] == [*(each.id for each in facts), mine.id]
        assert [record.position for record in committed.records] == [2, 3, 4, 5]
        assert [record.data for record in await whole(store, 1)][:3] == [each.data for each in facts]

    async def test_decided_says_what_the_step_said(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        through = Through((1,), 2, "t9")
        now = make_store.clock.now()
        own = {"t1": Through((0,), 1), "t2": None}
        mine = step(declared(), declared("t2"), through=through, clock=now, own=own)
        record = effective(await store.decisions.commit(mine)).records[-1]
        assert (record.id, record.cause, record.root) == (mine.id, None, mine.id)
        assert record.fact == Decided("main", NO_ID, through, now, own, 2)

    async def test_an_empty_step_moves_the_chain(self, make_store: Handles) -> None:
        store = await make_store()
        mine = step(clock=5)
        assert len(effective(await store.decisions.commit(mine)).records) == 1
        row = (await store.decisions.load("main")).row
        assert (row.step, row.through, row.clock) == (mine.id, BEGINNING, 5)

    async def test_steps_follow_one_another(self, make_store: Handles) -> None:
        store = await make_store()
        after = NO_ID
        for number in range(5):
            mine = step(event(), after=after, through=number * 2, clock=number)
            effective(await store.decisions.commit(mine))
            after = mine.id
        row = (await store.decisions.load("main")).row
        assert (row.step, row.through.position, row.clock) == (after, 8, 4)
        assert (await kinds(store)) == ["EventEmitted", "Decided"] * 5

    async def test_a_step_is_there_for_other_handles_on_return(self, make_store: Handles) -> None:
        one, other = await make_store(), await make_store()
        mine = step(matched(1), clock=1)
        await one.decisions.commit(mine)
        chain = await other.decisions.load("main")
        assert (chain.row.step, len(chain.waiting)) == (mine.id, 1)
        assert (await other.log.head()).position == 2

    async def test_find_step_returns_its_records(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        mine = step(matched(1), fired(), through=1)
        committed = effective(await store.decisions.commit(mine))
        await store.log.append([event()])
        assert await (await make_store()).decisions.find_step("main", mine.id) == committed

    async def test_find_step_knows_no_void_no_other_and_no_foreign_step(self, make_store: Handles) -> None:
        store = await make_store()
        mine = step(event())
        await store.decisions.commit(mine)
        void = step(event())
        assert isinstance(await store.decisions.commit(void), Superseded)
        assert await store.decisions.find_step("main", void.id) is None
        assert await store.decisions.find_step("main", new_id()) is None
        assert await store.decisions.find_step("other", mine.id) is None
        assert await store.decisions.find_step("main", mine.facts[0].id) is None

    async def test_services_have_chains_of_their_own(self, make_store: Handles) -> None:
        store = await make_store()
        one = step(matched(1, service="one"), service="one", clock=1)
        other = step(matched(1, service="other"), service="other", clock=2)
        effective(await store.decisions.commit(one))
        effective(await store.decisions.commit(other))
        assert [row.service for row in await store.decisions.chains()] == ["one", "other"]
        for name, mine in (("one", one), ("other", other)):
            chain = await store.decisions.load(name)
            assert (chain.row.step, chain.row.clock) == (mine.id, mine.clock)
            assert [row.service for row in chain.waiting] == [name]

    async def test_a_service_that_never_declared_has_an_empty_row(self, make_store: Handles) -> None:
        chain = await (await make_store()).decisions.load("nobody")
        assert (chain.row.service, chain.row.step, chain.row.through) == ("nobody", NO_ID, BEGINNING)
        assert (chain.triggers, chain.timers, chain.waiting) == ((), (), ())

    async def test_a_large_step_is_one_step(self, make_store: Handles) -> None:
        store = await make_store()
        facts = [matched(1, key=str(number)) for number in range(1500)]
        committed = effective(await store.decisions.commit(step(*facts)))
        assert [record.id for record in committed.records[:-1]] == [each.id for each in facts]
        assert len((await store.decisions.load("main")).waiting) == 1500

    async def test_a_load_is_one_moment(self, make_store: Handles) -> None:
        writer, reader = await make_store(), await make_store()
        known: dict[str, int] = {NO_ID: 0}

        async def write() -> None:
            for number in range(1, 40):
                row = (await writer.decisions.load("main")).row
                mine = step(matched(number), after=row.step, clock=number)
                known[mine.id] = number
                effective(await writer.decisions.commit(mine))

        writing = asyncio.ensure_future(write())
        while not writing.done():
            chain = await reader.decisions.load("main")
            assert len(chain.waiting) == known[chain.row.step] == chain.row.clock
        await writing


@pytest.mark.asyncio
class TestSuperseded:
    """A Step is effective only where the last effective one is the one that it follows."""

    async def test_a_step_that_follows_nothing_comes_first_or_not_at_all(self, make_store: Handles) -> None:
        store = await make_store()
        effective(await store.decisions.commit(step(event())))
        assert isinstance(await store.decisions.commit(step(event())), Superseded)

    async def test_a_step_that_follows_an_unknown_one_is_void(self, make_store: Handles) -> None:
        store = await make_store()
        assert isinstance(await store.decisions.commit(step(after=new_id())), Superseded)
        effective(await store.decisions.commit(step()))
        assert isinstance(await store.decisions.commit(step(after=new_id())), Superseded)

    async def test_a_step_that_follows_an_older_one_is_void(self, make_store: Handles) -> None:
        store = await make_store()
        first = step(clock=1)
        effective(await store.decisions.commit(first))
        effective(await store.decisions.commit(step(after=first.id, clock=2)))
        assert isinstance(await store.decisions.commit(step(after=first.id, clock=3)), Superseded)

    async def test_a_void_step_leaves_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(), matched(1))
        before, head = await store.dump_decisions(), await store.log.head()
        run = fired()
        void = step(run, begun(run), matched(2), clock=99, through=1, worker="w1")
        assert isinstance(await store.decisions.commit(void), Superseded)
        assert await store.dump_decisions() == before
        assert await store.log.head() == head
        assert await store.work.queued() == 0

    async def test_repeating_an_effective_step_adds_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        mine = step(event(), clock=1)
        effective(await store.decisions.commit(mine))
        assert isinstance(await store.decisions.commit(mine), Superseded)
        assert (await store.log.head()).position == 2

    async def test_two_steps_that_only_let_time_pass_cannot_both_pass(self, make_store: Handles) -> None:
        store = await make_store()
        outcomes = [await store.decisions.commit(step(clock=number)) for number in (1, 2)]
        assert [type(each) for each in outcomes] == [Committed, Superseded]

    async def test_of_racing_schedulers_one_wins_each_round(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        after = NO_ID
        for number in range(15):
            steps = [step(event(), after=after, clock=number) for _ in handles]
            outcomes = await asyncio.gather(
                *(each.decisions.commit(mine) for each, mine in zip(handles, steps, strict=True))
            )
            (won,) = [mine for mine, outcome in zip(steps, outcomes, strict=True) if isinstance(outcome, Committed)]
            assert sum(isinstance(outcome, Superseded) for outcome in outcomes) == 2
            after = won.id
        assert await kinds(handles[0]) == ["EventEmitted", "Decided"] * 15


@pytest.mark.asyncio
class TestOutrun:
    """A Step is void where the log holds a record past `through` that is older than its clock."""

    async def test_an_older_record_past_through_voids_the_step(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        make_store.clock.advance(1)
        outcome = await store.decisions.commit(step(matched(1), through=1, clock=make_store.clock.now()))
        assert isinstance(outcome, Outrun)
        assert (await store.log.head()).position == 2
        chain = await store.decisions.load("main")
        assert (chain.row.step, chain.waiting) == (NO_ID, ())

    async def test_a_step_that_has_read_to_the_end_may_take_any_time(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        make_store.clock.advance(1)
        effective(await store.decisions.commit(step(through=2, clock=make_store.clock.now())))

    async def test_a_record_of_the_clocks_own_moment_does_not_void(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        effective(await store.decisions.commit(step(through=1, clock=make_store.clock.now())))

    async def test_a_clock_of_the_last_record_read_is_never_outrun(self, make_store: Handles) -> None:
        store = await make_store()
        times: list[int] = []
        for _ in range(4):
            await store.log.append([event()])
            times.append((await store.log.head()).time)
            make_store.clock.advance(3)
        after = NO_ID
        for position in (1, 2, 3, 4):
            mine = step(after=after, through=position, clock=times[position - 1])
            effective(await store.decisions.commit(mine))
            after = mine.id

    async def test_the_record_that_is_decided_in_part_counts_as_past(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        now = make_store.clock.now()
        inside = Through((1,), 0, "t1")
        assert isinstance(await store.decisions.commit(step(through=inside, clock=now + 1)), Outrun)
        effective(await store.decisions.commit(step(through=inside, clock=now)))

    async def test_superseded_is_said_before_outrun(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        late = step(after=new_id(), clock=make_store.clock.now() + SECOND)
        assert isinstance(await store.decisions.commit(late), Superseded)

    async def test_its_own_facts_do_not_outrun_a_step(self, make_store: Handles) -> None:
        store = await make_store()
        later = make_store.clock.now() + 50 * SECOND
        committed = effective(await store.decisions.commit(step(event(), event(), clock=later)))
        assert {record.time for record in committed.records} == {later}

    async def test_a_record_appended_after_an_outrun_check_is_not_older(self, make_store: Handles) -> None:
        store = await make_store()
        later = make_store.clock.now() + 50 * SECOND
        mine = step(clock=later)
        effective(await store.decisions.commit(mine))
        await store.log.append([event()])
        effective(await store.decisions.commit(step(after=mine.id, through=1, clock=later)))


@pytest.mark.asyncio
class TestStarts:
    """Attempts that a Step begins with the runs that it fires."""

    async def test_a_start_names_the_run_before_it(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        one, other = fired(), fired()
        facts = [one, other, begun(other), begun(one, 3)]
        committed = effective(await store.decisions.commit(step(*facts, through=1, worker="w1")))
        assert [
            (record.fact.invocation, record.fact.created)
            for record in committed.records
            if isinstance(record.fact, AttemptStarted)
        ] == [(invocation_of(other), 3), (invocation_of(one), 2)]
        assert await whole(store, 1) == list(committed.records)
        assert await store.decisions.find_step("main", committed.records[-1].id) == committed

    async def test_what_a_step_began_is_the_workers(self, make_store: Handles) -> None:
        store = await make_store()
        run = fired()
        effective(await store.decisions.commit(step(run, begun(run), worker="w1", lease_seconds=10)))
        row = await store.work.get(invocation_of(run))
        assert row is not None
        assert (row.started, row.attempt, row.created) == (True, 1, 1)
        assert list(await store.work.claim("w2", [row.task], 5, 15)) == []
        assert await store.work.renew("w2", [(row.invocation, 1)], 10) == [False]
        assert await store.work.renew("w1", [(row.invocation, 1)], 10) == [True]
        make_store.clock.advance(11)
        assert [each.invocation for each in await store.work.expired(5)] == [row.invocation]

    async def test_what_a_step_did_not_begin_can_be_claimed(self, make_store: Handles) -> None:
        store = await make_store()
        run, left = fired(), fired()
        effective(await store.decisions.commit(step(run, begun(run), left, worker="w1")))
        assert (await claim_one(store, "w2")).row.invocation == invocation_of(left)
        assert list(await store.work.claim("w2", [TASK], 5, 15)) == []


_ONE, _TWO = event(payload=b"1"), event(payload=b"2")
_STEP = step(_ONE, _TWO, after=new_id(), through=Through((3,), 1, "t1"), clock=1_000_000, own={"t1": BEGINNING})


class TestStepId:
    """A Step's id is the digest of what it holds."""

    @pytest.mark.parametrize(
        "change",
        [
            {"service": "other"},
            {"after": new_id()},
            {"through": Through((4,), 1, "t1")},
            {"through": Through((3,), 2, "t1")},
            {"through": Through((3,), 1, "t2")},
            {"clock": 1_000_001},
            {"own": {}},
            {"own": {"t1": None}},
            {"own": {"t1": Through((1,))}},
            {"own": {"t2": BEGINNING}},
            {"facts": ()},
            {"facts": (_ONE,)},
            {"facts": (_TWO, _ONE)},
            {"facts": (_ONE, replace(_TWO, id=new_id()))},
            {"facts": (_ONE, replace(_TWO, data=_TWO.data.replace(b"2", b"3")))},
        ],
        ids=str,
    )
    def test_each_part_changes_the_id(self, change: dict[str, Any]) -> None:
        assert replace(_STEP, **change).id != _STEP.id

    def test_equal_steps_have_equal_ids(self) -> None:
        other = Step(_STEP.service, _STEP.after, Through((3,), 1, "t1"), _STEP.clock, (_ONE, _TWO), {"t1": BEGINNING})
        assert other.id == _STEP.id
        assert replace(_STEP, own={"b": None, "a": None}).id == replace(_STEP, own={"a": None, "b": None}).id

    def test_who_commits_does_not_change_the_id(self) -> None:
        assert replace(_STEP, worker="w9", lease_seconds=1.0).id == _STEP.id

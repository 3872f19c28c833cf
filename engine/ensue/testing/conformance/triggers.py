"""The chain's view: declared, paused, resumed and retired triggers, their timers, and matches that wait."""

from __future__ import annotations

import pytest

from ensue.testing.conformance.drafts import (
    CRON_ID,
    POLL_ID,
    SPEC,
    alone,
    answered,
    commit,
    declared,
    fired,
    matched,
    polling,
    step,
    with_match,
)
from ensue.testing.conformance.handles import Handles
from ensue_core.facts import (
    CronTicked,
    DepthExceeded,
    Fact,
    MatchesDropped,
    RunFailed,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    Through,
    TicksSkipped,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
)
from ensue_core.ids import Id, new_id
from ensue_core.ports import Chain, Committed, Store
from ensue_core.records import Draft, draft
from ensue_projections.chain import flying_of

__all__ = ["TestTimers", "TestTriggers", "TestWaitingMatches"]


def _said(fact: Fact) -> Draft:
    return draft(new_id(), fact)


async def _chain(store: Store, service: str = "main") -> Chain:
    return await store.decisions.load(service)


async def _waiting(store: Store) -> list[Id]:
    return [row.match for row in (await _chain(store)).waiting]


@pytest.mark.asyncio
class TestTriggers:
    """Rows of triggers and of the chain itself."""

    async def test_a_declared_trigger_is_kept_whole(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(begins=7, own=Through((3,), 1, "x")))
        (row,) = (await _chain(store)).triggers
        assert (row.service, row.trigger, row.version, row.spec) == ("main", "t1", SPEC.version, SPEC)
        assert (row.state, row.begins, row.own, row.reason) == ("active", 7, Through((3,), 1, "x"), None)

    async def test_the_last_declaration_counts(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(begins=7, due=60), declared("t2"))
        await commit(store, declared(begins=9, due=61))
        chain = await _chain(store)
        assert [(row.trigger, row.begins) for row in chain.triggers] == [("t1", 9), ("t2", 0)]
        assert [(row.trigger, row.due) for row in chain.timers] == [("t1", 61), ("t2", 60)]

    async def test_a_trigger_pauses_and_resumes(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(begins=7))
        await commit(store, _said(TriggerPaused("main", "t1", Through((4,)), "timeouts")))
        (row,) = (await _chain(store)).triggers
        assert (row.state, row.own, row.reason, row.begins) == ("paused", Through((4,)), "timeouts", 7)
        await commit(store, _said(TriggerResumed("main", "t1", 12, None, {CRON_ID: 99})))
        chain = await _chain(store)
        (row,) = chain.triggers
        assert (row.state, row.own, row.reason, row.begins) == ("active", None, None, 12)
        assert [each.due for each in chain.timers] == [99]

    async def test_a_retired_trigger_stays_listed(self, make_store: Handles) -> None:
        store = await make_store()
        waits = matched(1)
        await commit(store, declared(), declared("t2"), waits)
        await commit(store, _said(TriggerRetired("main", "t1")))
        chain = await _chain(store)
        assert [(row.trigger, row.state) for row in chain.triggers] == [("t1", "retired"), ("t2", "active")]
        assert [row.trigger for row in chain.timers] == ["t2"]
        assert [row.match for row in chain.waiting] == [waits.id]

    async def test_own_moves_with_steps_until_it_meets_the_chain(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(own=Through((0,))), declared("t2"))
        row = (await _chain(store)).row
        mine = step(after=row.step, through=row.through, own={"t1": Through((5,), 1, "a")})
        assert isinstance(await store.decisions.commit(mine), Committed)
        assert [each.own for each in (await _chain(store)).triggers] == [Through((5,), 1, "a"), None]
        met = step(after=mine.id, through=row.through, own={"t1": None})
        assert isinstance(await store.decisions.commit(met), Committed)
        assert [each.own for each in (await _chain(store)).triggers] == [None, None]

    async def test_a_service_is_declared_paused_and_resumed(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, _said(ServiceDeclared("main", "v7", ("a", "b"), ("t1",))), declared())
        row = (await _chain(store)).row
        assert (row.version, row.tasks, row.paused) == ("v7", ("a", "b"), False)
        await commit(store, _said(ServicePaused("main")))
        assert (await _chain(store)).row.paused
        await commit(store, _said(ServiceResumed("main", timers={"t1": {CRON_ID: 77}})))
        chain = await _chain(store)
        assert (chain.row.paused, chain.row.version) == (False, "v7")
        assert [each.due for each in chain.timers] == [77]

    async def test_one_services_facts_leave_another_alone(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(service="one"), service="one")
        await commit(store, declared(service="two"), service="two")
        await commit(store, _said(TriggerRetired("one", "t1")), _said(ServicePaused("one")), service="one")
        chain = await _chain(store, "two")
        assert ([row.state for row in chain.triggers], len(chain.timers)) == (["active"], 1)
        assert not chain.row.paused
        assert [row.paused for row in await store.decisions.chains()] == [True, False]


@pytest.mark.asyncio
class TestTimers:
    """Next slots."""

    async def test_a_tick_and_a_skip_move_the_timer(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(due=60))
        await commit(store, _said(CronTicked("main", "t1", CRON_ID, 60, 120)))
        assert [row.due for row in (await _chain(store)).timers] == [120]
        await commit(store, _said(TicksSkipped("main", "t1", CRON_ID, 3, 120, 240, 300)))
        assert [row.due for row in (await _chain(store)).timers] == [300]

    async def test_an_answer_moves_its_poll_and_is_remembered_until_it_is_left_out(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, polling("t1", due=60))
        assert [(row.condition, row.due, row.note) for row in (await _chain(store)).timers] == [(POLL_ID, 60, "[]")]
        first = answered("t1", 60, digest="a")
        await commit(store, first)
        (row,) = (await _chain(store)).timers
        assert (row.due, flying_of(row.note)) == (5_000_060, (("a", first.id),))
        second = answered("t1", 5_000_060, digest="b", flying=(("a", first.id),))
        await commit(store, second)
        (row,) = (await _chain(store)).timers
        assert (row.due, flying_of(row.note)) == (10_000_060, (("a", first.id), ("b", second.id)))
        await commit(store, answered("t1", 10_000_060, digest="c"))
        assert [each for each, _ in flying_of((await _chain(store)).timers[0].note)] == ["c"]
        before = await store.dump_decisions()
        await store.rebuild_decisions()
        assert await store.dump_decisions() == before

    async def test_a_new_declaration_forgets_old_timers(self, make_store: Handles) -> None:
        store = await make_store()
        await commit(store, declared(), _said(CronTicked("main", "t1", "gone", 1, 2)))
        assert len((await _chain(store)).timers) == 2
        await commit(store, declared(due=5))
        assert [(row.condition, row.due) for row in (await _chain(store)).timers] == [(CRON_ID, 5)]


@pytest.mark.asyncio
class TestWaitingMatches:
    """Matches that wait, in the order of what they matched."""

    async def test_a_waiting_match_is_kept_whole(self, make_store: Handles) -> None:
        store = await make_store()
        mine = matched(9, key='"k\\u0000"', index=3, deadline=77)
        await commit(store, mine)
        (row,) = (await _chain(store)).waiting
        assert (row.match, row.key, row.kind, row.source) == (
            mine.id,
            '"k\\u0000"',
            "event",
            with_match(mine).source,
        )
        assert (row.position, row.index, row.occurred, row.deadline) == (9, 3, 5, 77)

    async def test_matches_are_ordered_by_occurrence(self, make_store: Handles) -> None:
        store = await make_store()
        third, second, first = matched(12), matched(3, index=1), matched(3, index=0)
        await commit(store, second, third, first)
        assert await _waiting(store) == [first.id, second.id, third.id]

    async def test_a_run_takes_its_participants(self, make_store: Handles) -> None:
        store = await make_store()
        for run in ("fired", "failed", "too deep"):
            one, stays = matched(1), matched(2)
            await commit(store, one, stays)
            took = (with_match(one), alone(3))
            match run:
                case "fired":
                    fact = fired(participants=took)
                case "failed":
                    fact = _said(RunFailed("main", "t1", "v", "x", "r", participants=took))
                case _:
                    fact = _said(DepthExceeded("main", "t1", "v", "x", 101, participants=took))
            await commit(store, fact)
            assert await _waiting(store) == [stays.id], run
            await commit(store, _said(WindowExpired("main", "t1", (stays.id,))))

    async def test_a_match_may_wait_and_go_in_one_step(self, make_store: Handles) -> None:
        store = await make_store()
        mine = matched(1)
        await commit(store, mine, fired(participants=(with_match(mine), alone(2))))
        assert await _waiting(store) == []

    async def test_expired_and_dropped_matches_wait_no_longer(self, make_store: Handles) -> None:
        store = await make_store()
        mine = [matched(number) for number in range(1, 6)]
        await commit(store, *mine)
        await commit(store, _said(WindowExpired("main", "t1", (mine[0].id, mine[3].id))))
        assert await _waiting(store) == [mine[1].id, mine[2].id, mine[4].id]
        await commit(store, _said(MatchesDropped("main", "t1", (mine[1].id, mine[4].id), "overflow")))
        assert await _waiting(store) == [mine[2].id]

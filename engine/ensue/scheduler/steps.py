"""Committing Steps: the one way in which anything is decided, by the scheduler and by people alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ensue.scheduler.state import ChainState, at
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.facts import Fact, Through
from ensue_core.ids import derive
from ensue_core.ports import Committed, Outrun, Step, Store, Superseded
from ensue_core.records import Draft, draft
from ensue_projections.chain import chain_changes

Build = Callable[[ChainState, int, int], Sequence[Fact | Draft]]
"""From a chain, the log's head and the time now to the facts of a Step; empty where nothing is to be said.

A draft stands for a fact whose record has an id of its own.
"""

_PAUSE_LONGEST = 2.0


async def settle(store: Store, step: Step) -> Committed | Superseded | Outrun:
    """Commit a Step; where the outcome is unknown, look its own id up in the chain until that is known."""
    try:
        return await store.decisions.commit(step)
    except CommitUnknown:
        pause = 0.01
        while True:
            try:
                found = await store.decisions.find_step(step.service, step.id)
            except (StoreUnavailable, CommitUnknown):
                await store.clock.sleep(pause)
                pause = min(pause * 2, _PAUSE_LONGEST)
                continue
            # A commit that was sent may still land: an empty chain place is taken only by the next Step,
            # which voids it. Until then the answer "not in the chain" means no more than "not yet".
            return found if found is not None else Superseded()


async def commit_facts(
    store: Store, service: str, build: Build, *, skip: bool = False
) -> tuple[ChainState, Sequence[Fact]]:
    """Say facts in a Step of their own, that passes no record and lets no time pass.

    Loads the chain, asks `build` for the facts, commits, and starts over where another Step came first.
    With `skip` the Step passes every record up to the head unasked, for triggers that lag behind too.
    Returns the chain as it stands after, and the facts (empty where none were needed).
    """
    tried: tuple[Step, tuple[Draft, ...]] | None = None
    while True:
        state = ChainState(await store.decisions.load(service))
        if not state.row.service:
            raise AssertionError("a store returned a chain without its service")
        # Of a commit whose outcome was unknown, "not in the chain" may have meant "not yet".
        if tried is not None and await store.decisions.find_step(service, tried[0].id) is not None:
            return state, tuple(each.fact for each in tried[1])
        head = await store.log.head()
        now = max(store.clock.now(), state.row.clock, head.time)
        facts = build(state, head.position, now)
        if not facts:
            return state, ()
        drafts = tuple(
            each
            if isinstance(each, Draft)
            else draft(derive(now, type(each).__name__, store.namespace, service, state.row.step, number), each)
            for number, each in enumerate(facts)
        )
        through, own = state.row.through, dict[str, Through | None]()
        if skip:
            through = at(head.position) if head.position > through.position else through
            own = {row.trigger: None for row in state.lagging()}
        step = Step(service, state.row.step, through, state.row.clock, drafts, own)
        outcome = await settle(store, step)
        if isinstance(outcome, Committed):
            for record in outcome.records:
                for change in chain_changes(record):
                    state.apply(change)
            return state, tuple(each.fact for each in drafts)
        tried = step, drafts

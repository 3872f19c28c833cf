"""Committing Steps: the one way in which anything is decided, by the scheduler and by people alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ensue.scheduler.state import ChainState
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.facts import Fact
from ensue_core.ids import derive
from ensue_core.ports import Committed, Outrun, Step, Store, Superseded
from ensue_core.records import draft
from ensue_projections.chain import chain_changes

Build = Callable[[ChainState, int, int], Sequence[Fact]]
"""From a chain, the log's head and the time now to the facts of a Step; empty where nothing is to be said."""

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


async def commit_facts(store: Store, service: str, build: Build) -> tuple[ChainState, Sequence[Fact]]:
    """Say facts in a Step of their own, that passes no record and lets no time pass.

    Loads the chain, asks `build` for the facts, commits, and starts over where another Step came first.
    Returns the chain as it stands after, and the facts (empty where none were needed).
    """
    while True:
        state = ChainState(await store.decisions.load(service))
        if not state.row.service:
            raise AssertionError("a store returned a chain without its service")
        head = await store.log.head()
        now = max(store.clock.now(), state.row.clock, head.time)
        facts = build(state, head.position, now)
        if not facts:
            return state, ()
        drafts = tuple(
            draft(derive(now, type(fact).__name__, store.namespace, service, state.row.step, number), fact)
            for number, fact in enumerate(facts)
        )
        step = Step(service, state.row.step, state.row.through, state.row.clock, drafts)
        outcome = await settle(store, step)
        if isinstance(outcome, Committed):
            for record in outcome.records:
                for change in chain_changes(record):
                    state.apply(change)
            return state, facts

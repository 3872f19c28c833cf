"""Explanations as they are asked for: which trigger, and about what."""

from __future__ import annotations

from datetime import datetime

from ensue.program import Program
from ensue.queries.pages import time_of
from ensue.replay.explain import Explained, explain_source
from ensue.replay.moments import explain_key, explain_time
from ensue.replay.queued import explain_invocation
from ensue.replay.told import Explanation
from ensue.scheduler.asking import Asker, InlineAsker, ThreadAsker
from ensue_core.defaults import Defaults
from ensue_core.errors import BadQuery, NotFound
from ensue_core.ids import parse_id
from ensue_core.ports import Chain, Store
from ensue_core.rows import ChainRow, TriggerRow

__all__ = ["explain"]


async def explain(
    store: Store,
    program: Program | None,
    service: str,
    defaults: Defaults,
    trigger: str | None,
    event: str | None,
    key: str | None,
    at: datetime | int | None,
    invocation: str | None,
    *,
    threads: bool,
) -> Explanation:
    """Answer one question; see `Engine.explain`. `threads`: user code is asked in one of its own, with a deadline."""
    asked = [name for name, value in (("event", event), ("key", key), ("at", at)) if value is not None]
    if invocation is not None:
        if trigger is not None or asked:
            raise BadQuery("an invocation is explained alone: leave the trigger, event, key and at out")
        return await explain_invocation(store, parse_id(invocation), defaults.lease_seconds)
    if trigger is None or len(asked) != 1:
        raise BadQuery("say a trigger and one of event, key or at; or an invocation")
    asker: Asker = ThreadAsker(store.clock, defaults) if threads else InlineAsker()
    try:
        about = await _about(store, program, service, trigger, asker)
        if event is not None:
            return await explain_source(about, parse_id(event))
        if key is not None:
            return await explain_key(about, key)
        time = at if isinstance(at, int) else time_of(at)
        assert time is not None
        return await explain_time(about, time)
    finally:
        asker.close()


async def _about(store: Store, program: Program | None, service: str, name: str, asker: Asker) -> Explained:
    """Find a trigger where it is declared, this service's first; else in the program that is here."""
    found: list[tuple[bool, bool, Chain, TriggerRow]] = []
    for chain_row in await store.decisions.chains():
        chain = await store.decisions.load(chain_row.service)
        elsewhere = chain_row.service != service
        found += [(row.state == "retired", elsewhere, chain, row) for row in chain.triggers if row.trigger == name]
    if found:
        _, _, chain, row = min(found, key=lambda each: each[:2])
        return Explained(store, chain, row, program, asker)
    for declared in program.triggers if program is not None else ():
        if declared.spec.id == name:
            chain = Chain(ChainRow(service))
            return Explained(store, chain, TriggerRow(service, name, "", declared.spec), program, asker)
    raise NotFound("trigger", name)

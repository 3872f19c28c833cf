"""What people decide: pausing, resuming and firing by hand, as the facts of a Step. Pure.

Repeating what holds already says nothing.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ensue.scheduler.declare import timers_from
from ensue.scheduler.state import ChainState
from ensue_core.errors import CodeMissing, NotFound
from ensue_core.facts import (
    Fact,
    ServicePaused,
    ServiceResumed,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
)
from ensue_core.ids import Id
from ensue_core.records import Draft, draft
from ensue_core.rows import TriggerRow

ResumeFrom = Literal["now", "catch up"]
"""Where a resumed trigger or service goes on: past what came meanwhile, or from where it stopped."""


def pause_trigger(state: ChainState, name: str, author: str) -> list[Fact | Draft]:
    """Stop asking a trigger, remembering how far it has been asked."""
    row = declared_trigger(state, name)
    if row.state == "paused":
        return []
    return [TriggerPaused(row.service, name, row.own or state.row.through, "user", author)]


def resume_trigger(
    state: ChainState, head: int, now: int, name: str, start: ResumeFrom, author: str
) -> list[Fact | Draft]:
    """Ask a trigger again.

    "now" passes what came meanwhile and the slots that were missed; "catch up" goes on from where it stopped.
    Raises `CodeMissing` for one that waits for its code to come back.
    """
    row = declared_trigger(state, name)
    if row.state == "active":
        return []
    if row.reason == "takeover":
        raise CodeMissing(name)
    if start == "now":
        return [TriggerResumed(row.service, name, head, None, timers_from(row.spec, now), author)]
    return [TriggerResumed(row.service, name, row.begins, row.own, {}, author)]


def pause_service(state: ChainState, author: str) -> list[Fact | Draft]:
    """Stop all decisions of a service."""
    return [] if state.row.paused else [ServicePaused(state.row.service, author)]


def resume_service(state: ChainState, head: int, now: int, start: ResumeFrom, author: str) -> list[Fact | Draft]:
    """Let a service decide again; "now" needs a Step that skips to the head."""
    if not state.row.paused:
        return []
    if start == "catch up":
        return [ServiceResumed(state.row.service, author)]
    timers = {row.trigger: timers_from(row.spec, now) for row in state.triggers.values() if row.state == "active"}
    skipped = max(head - state.row.through.position, 0)
    return [ServiceResumed(state.row.service, author, skipped, {name: due for name, due in timers.items() if due})]


def fire(state: ChainState, name: str, run: Id, invocation: Id, arguments: bytes, author: str) -> list[Fact | Draft]:
    """Fire a trigger by hand, without participants; a paused one too."""
    row = declared_trigger(state, name)
    fact = TriggerFired(
        row.service, name, row.version, row.spec.task, invocation, msgspec.Raw(arguments), author=author
    )
    return [draft(run, fact)]


def declared_trigger(state: ChainState, name: str) -> TriggerRow:
    """Return a trigger that is not retired. Raises `NotFound`."""
    row = state.triggers.get(name)
    if row is None or row.state == "retired":
        raise NotFound("declared trigger" if row else "trigger", name)
    return row

"""Triggers: what is declared, what waits, what came of it; and what people decide about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ensue.queries.fresh import freshen
from ensue.queries.shown import ScheduleView, TriggerDetail, TriggerView, WaitingView, moment
from ensue.scheduler.people import (
    ResumeFrom,
    declared_trigger,
    fire,
    pause_service,
    pause_trigger,
    resume_service,
    resume_trigger,
)
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import Build, commit_facts
from ensue.sentences import sentence
from ensue_core.clock import to_datetime
from ensue_core.declarations import Branch, Static
from ensue_core.errors import BadQuery, NotFound
from ensue_core.ids import new_id
from ensue_core.ports import Chain, Store
from ensue_core.rows import ScheduleRow, TriggerRow, TriggerStatsRow
from ensue_core.values import encode

if TYPE_CHECKING:
    from ensue.program import Program

WAITS_SHOWN_MAX = 100
"""How many waiting matches a trigger shows."""


class Fired(msgspec.Struct, frozen=True):
    """What firing by hand made: the run, and the invocation that it registered."""

    run: str
    invocation: str


class Triggers:
    """The triggers of all services in the namespace; `service` is where a name is looked for first."""

    def __init__(self, store: Store, service: str, program: Program | None = None) -> None:
        self._store, self._service, self._program = store, service, program

    # Looking.

    async def list(self, *, service: str | None = None, state: str | None = None) -> Sequence[TriggerView]:
        """Return the triggers by service and name, of one service or in one state where that is said."""
        if state not in (None, "active", "paused", "retired"):
            raise BadQuery(f"{state!r} is no state of a trigger: use active, paused or retired")
        await freshen(self._store)
        head = (await self._store.log.head()).position
        stats = {(each.service, each.trigger): each for each in await self._store.views.trigger_stats()}
        views: list[TriggerView] = []
        for chain in await self._chains(service):
            waiting = Counter(row.trigger for row in chain.waiting)
            views += [
                _view(chain, row, stats.get((row.service, row.trigger)), waiting[row.trigger], head)
                for row in sorted(chain.triggers, key=lambda row: row.trigger)
                if state in (None, row.state)
            ]
        return views

    async def get(self, name: str) -> TriggerDetail:
        """Return one trigger with its conditions, schedules and what waits. Raises `NotFound`."""
        await freshen(self._store)
        chain = await self._chain_of(name)
        row = next(row for row in chain.triggers if row.trigger == name)
        head = (await self._store.log.head()).position
        stats = next((s for s in await self._store.views.trigger_stats() if _is_of(s, row)), None)
        waiting = [each for each in chain.waiting if each.trigger == name]
        waits = sorted(waiting, key=lambda each: (each.position, each.index))[:WAITS_SHOWN_MAX]
        conditions = {id: sentence({id: each}, (Branch((id,), 0),)) for id, each in row.spec.conditions.items()}
        return TriggerDetail(
            **msgspec.structs.asdict(_view(chain, row, stats, len(waiting), head)),
            conditions=conditions,
            schedules=tuple(_schedule(each) for each in await self._store.views.schedules() if _is_of(each, row)),
            waits=tuple(
                WaitingView(
                    condition=conditions.get(each.condition, each.condition), key=each.key, kind=each.kind,
                    source=each.source, since=to_datetime(each.occurred), until=to_datetime(each.deadline),
                )
                for each in waits
            ),
        )  # fmt: skip

    # Deciding.

    async def pause(self, name: str, *, author: str = "") -> bool:
        """Stop asking a trigger; False where it is paused already. Raises `NotFound`."""
        return await self._say(name, lambda state, head, now: pause_trigger(state, name, author))

    async def resume(self, name: str, start: ResumeFrom, *, author: str = "") -> bool:
        """Ask a trigger again, from "now" or by "catch up"; False where it is active.

        Raises `NotFound`, and `CodeMissing` for one that waits for its code.
        """
        _check_start(start)
        return await self._say(name, lambda state, head, now: resume_trigger(state, head, now, name, start, author))

    async def fire(self, name: str, arguments: Mapping[str, Any] | None = None, *, author: str = "") -> Fired:
        """Fire a trigger by hand: an invocation with these arguments (else the trigger's static ones).

        They are checked against the task's signature where its code is here. Raises `NotFound`,
        `ArgumentsMismatch` and `BadValue`.
        """
        chain = await self._chain_of(name)
        row = declared_trigger(ChainState(chain), name)
        raw = self._encode(row, arguments)
        run, invocation = new_id(), new_id()
        await self._say(name, lambda state, head, now: fire(state, name, run, invocation, raw, author))
        return Fired(run, invocation)

    async def pause_all(self, service: str | None = None, *, author: str = "") -> Sequence[str]:
        """Stop all decisions of a service, or of every service; returns those that were not paused yet."""
        return await self._say_all(service, lambda state, head, now: pause_service(state, author))

    async def resume_all(self, start: ResumeFrom, service: str | None = None, *, author: str = "") -> Sequence[str]:
        """Let services decide again, from "now" or by "catch up"; returns those that were paused."""
        _check_start(start)
        return await self._say_all(
            service, lambda state, head, now: resume_service(state, head, now, start, author), skip=start == "now"
        )

    async def _say(self, name: str, build: Build) -> bool:
        chain = await self._chain_of(name)
        _, facts = await commit_facts(self._store, chain.row.service, build)
        return bool(facts)

    async def _say_all(self, service: str | None, build: Build, *, skip: bool = False) -> Sequence[str]:
        changed: list[str] = []
        for chain in await self._chains(service):
            _, facts = await commit_facts(self._store, chain.row.service, build, skip=skip)
            if facts:
                changed.append(chain.row.service)
        return changed

    def _encode(self, row: TriggerRow, arguments: Mapping[str, Any] | None) -> bytes:
        if arguments is None:
            static = (each.values for each in row.spec.providers if isinstance(each, Static))
            arguments = next(static, dict[str, Any]())
        definition = self._program.tasks.get(row.spec.task) if self._program is not None else None
        if definition is not None:
            return definition.check(arguments)
        return encode(dict(arguments), f"arguments of {row.spec.task}")

    # Where things are.

    async def _chains(self, service: str | None) -> Sequence[Chain]:
        known = [row.service for row in await self._store.decisions.chains() if row.version]
        if service is not None and service not in known:
            raise NotFound("declared service", service)
        return [await self._store.decisions.load(each) for each in sorted(known) if service in (None, each)]

    async def _chain_of(self, name: str) -> Chain:
        """Return the chain that a trigger stands in: this service's first, and rather where it is declared."""
        found: list[tuple[bool, bool, Chain]] = []
        for chain in await self._chains(None):
            row = next((row for row in chain.triggers if row.trigger == name), None)
            if row is not None:
                found.append((row.state == "retired", chain.row.service != self._service, chain))
        if not found:
            raise NotFound("trigger", name)
        return min(found, key=lambda each: each[:2])[2]


def _check_start(start: str) -> None:
    if start not in ("now", "catch up"):
        raise BadQuery(f"{start!r} is no place to resume from: say 'now' or 'catch up'")


def _is_of(each: TriggerStatsRow | ScheduleRow, row: TriggerRow) -> bool:
    return (each.service, each.trigger) == (row.service, row.trigger)


def _view(chain: Chain, row: TriggerRow, stats: TriggerStatsRow | None, waiting: int, head: int) -> TriggerView:
    stats = stats or TriggerStatsRow(row.service, row.trigger)
    asked = (row.own or chain.row.through).position
    due = min((timer.due for timer in chain.timers if timer.trigger == row.trigger), default=0)
    return TriggerView(
        name=row.trigger, task=row.spec.task, service=row.service, state=row.state, sentence=row.spec.sentence,
        version=row.version, reason=row.reason if row.state == "paused" else None, begins=row.begins, asked=asked,
        behind=max(head - max(asked, row.begins), 0) if row.own is not None else 0, waiting=waiting,
        next=moment(due) if row.state == "active" else None,
        fired=stats.fired, failed=stats.failed, matched=stats.matched, expired=stats.expired,
        dropped=stats.dropped, last_fired=moment(stats.last_fired),
    )  # fmt: skip


def _schedule(row: ScheduleRow) -> ScheduleView:
    return ScheduleView(
        condition=row.condition, expression=row.expression, timezone=row.timezone, next=moment(row.next),
        last=moment(row.last), ticks=row.ticks, skipped=row.skipped,
    )  # fmt: skip

"""Correction after the fact: events emitted again, invocations retried or cancelled, runs and conditions asked again.

Nothing that stands in the log is changed. Each act is a fact with its author, and repeating one does nothing: the ids
of corrections follow from what they correct.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from ensue.program import Program
from ensue.queries.fresh import fold_up
from ensue.queries.invocations import exact
from ensue.replay.again import ConditionAgain, RunAgain
from ensue.scheduler.asking import Asker
from ensue_core.defaults import Defaults
from ensue_core.errors import NotFound
from ensue_core.facts import EventEmitted, InvocationCancelled, InvocationCreated, TriggerFired
from ensue_core.ids import Id, derive_from, parse_id
from ensue_core.ports import Store
from ensue_core.records import Draft, draft
from ensue_core.rows import EventRow, RunRow
from ensue_core.values import decode, encode

__all__ = ["Corrected", "Corrections"]

Edit = Callable[[Any], Any]
"""From an event's payload to the one that is emitted in its place."""


class Corrected(msgspec.Struct, frozen=True):
    """What became of one thing that was to be corrected: `done`, or would be; else `says` tells why not.

    `id` is the thing's, `new` that of the event, invocation or run that came of it.
    """

    id: str
    what: str
    done: bool
    says: str
    new: str | None = None


class Corrections:
    """Corrects what has happened in a namespace. With `dry_run` it only says what would be done."""

    def __init__(self, store: Store, program: Program, defaults: Defaults, asker: Callable[[], Asker]) -> None:
        self._store, self._program, self._defaults, self._asker = store, program, defaults, asker

    async def reemit(
        self, events: Sequence[str], *, edit: Edit | None = None, author: str = "", dry_run: bool = False
    ) -> list[Corrected]:
        """Emit events again, perhaps edited, all in one batch. One from which something ran is left alone.

        Raises `NotFound`, `BadId`, and `BadValue` for an edited payload that cannot be stored.
        """
        await fold_up(self._store)
        found: list[Corrected] = []
        drafts: list[Draft] = []
        for each in events:
            said, corrected = await self._reemission(parse_id(each), edit, author)
            found.append(corrected)
            if said is not None:
                drafts.append(said)
        if drafts and not dry_run:
            appended = await self._store.log.append(drafts)
            stood = {said.id for said, each in zip(drafts, appended, strict=True) if each.duplicate}
            found = [
                msgspec.structs.replace(each, done=False, says="was emitted again before")
                if each.new in stood
                else each
                for each in found
            ]
        return found

    async def _reemission(self, id: Id, edit: Edit | None, author: str) -> tuple[Draft | None, Corrected]:
        row = cast("EventRow | None", (await self._store.views.load("events", [(id,)])).get((id,)))
        if row is None:
            raise NotFound("event", id)
        if row.triggered:
            return None, Corrected(id, row.code, False, f"left alone: {row.triggered} runs came of it")
        if not await self._passed(row.position):
            return None, Corrected(id, row.code, False, "left alone: it is not decided yet, something may come of it")
        record = (await self._store.log.read_at([row.position]))[row.position]
        fact = record.fact
        assert isinstance(fact, EventEmitted)
        payload = bytes(fact.payload)
        if edit is not None:
            payload = encode(edit(decode(payload)), f"edited payload of {row.code}")
        new = derive_from(id, "emitted again", payload)
        again = EventEmitted(
            fact.code, msgspec.Raw(payload), correlation=fact.correlation, depth=fact.depth, corrects=id, author=author
        )
        said = draft(new, again, cause=id, root=record.root, repeatable=True)
        return said, Corrected(id, row.code, True, f"emitted again with {payload.decode()[:200]}", new)

    async def _passed(self, position: int) -> bool:
        """Whether every service has decided about a record, or nobody decides at all."""
        for row in await self._store.decisions.chains():
            chain = await self._store.decisions.load(row.service)
            lanes = [each.own for each in chain.triggers if each.own is not None and each.state == "active"]
            if any(own.position < position for own in lanes):
                return False
            if row.through.position < position and await self._heard(chain.triggers, row.through.position, position):
                return False
        return True

    async def _heard(self, triggers: Sequence[Any], after: int, position: int) -> bool:
        """Whether an active trigger still has to be asked about the record at a position."""
        from ensue.scheduler.listening import Listening

        record = (await self._store.log.read_at([position])).get(position)
        listening = Listening(row.spec for row in triggers if row.state == "active" and row.begins < position)
        return record is not None and listening.heard(record)

    async def retry(self, invocations: Sequence[str], *, author: str = "", dry_run: bool = False) -> list[Corrected]:
        """Call again what ended FAILED or was cancelled: a new invocation of the task with the same arguments."""
        await fold_up(self._store)
        found: list[Corrected] = []
        drafts: list[Draft] = []
        for each in invocations:
            id = parse_id(each)
            row, _ = await exact(self._store, id)
            if row.status not in ("FAILED", "CANCELLED"):
                found.append(Corrected(id, row.task, False, f"left alone: it is {row.status}"))
                continue
            created = (await self._store.log.read_at([row.created]))[row.created]
            fact = created.fact
            assert isinstance(fact, (TriggerFired, InvocationCreated))
            new = derive_from(id, "called again")
            again = InvocationCreated(row.task, fact.arguments, depth=fact.depth, corrects=id, author=author)
            drafts.append(draft(new, again, cause=id, root=created.root, repeatable=True))
            found.append(
                Corrected(id, row.task, True, f"called again with {bytes(fact.arguments).decode()[:200]}", new)
            )
        if drafts and not dry_run:
            appended = await self._store.log.append(drafts)
            stood = {said.id for said, each in zip(drafts, appended, strict=True) if each.duplicate}
            found = [
                msgspec.structs.replace(each, done=False, says="was called again before: retry that one")
                if each.new in stood
                else each
                for each in found
            ]
        return found

    async def cancel(
        self, invocations: Sequence[str], *, reason: str = "", author: str = "", dry_run: bool = False
    ) -> list[Corrected]:
        """Cancel what has not ended. A running body is told at its worker's next heartbeat."""
        found: list[Corrected] = []
        for each in invocations:
            id = parse_id(each)
            work = await self._store.work.get(id)
            if work is None:
                row, _ = await exact(self._store, id)
                found.append(Corrected(id, row.task, False, "left alone: it has ended"))
                continue
            fact = InvocationCancelled(id, work.task, work.created, author, reason, work.depth)
            said = draft(derive_from(id, "cancelled"), fact, cause=id, root=work.root)
            done = dry_run or await self._store.work.cancel(said)
            found.append(Corrected(id, work.task, done, "cancelled" if done else "left alone: it has ended"))
        return found

    async def retry_runs(self, runs: Sequence[str], *, author: str = "", dry_run: bool = False) -> list[Corrected]:
        """Make the arguments of failed runs again, with today's code, and fire them under their own ids."""
        await fold_up(self._store)
        found: list[Corrected] = []
        asker = self._asker()
        try:
            for each in runs:
                id = parse_id(each)
                row = cast("RunRow | None", (await self._store.views.load("runs", [(id,)])).get((id,)))
                if row is None:
                    raise NotFound("run", id)
                if row.outcome != "failed":
                    found.append(Corrected(id, row.trigger, False, f"left alone: it {row.outcome}"))
                    continue
                again = RunAgain(self._store, self._program, self._defaults, asker, author)
                done, says = await again.retry(row, dry_run=dry_run)
                found.append(Corrected(id, row.trigger, done, says, id if done else None))
        finally:
            asker.close()
        return found

    async def retry_conditions(
        self, positions: Sequence[int], *, author: str = "", dry_run: bool = False
    ) -> list[Corrected]:
        """Ask conditions again that could not be asked, by the positions of their `ConditionFailed`.

        Where one says yes now, its match fires or waits, under the id it would have had.
        """
        found: list[Corrected] = []
        asker = self._asker()
        try:
            for position in positions:
                again = ConditionAgain(self._store, self._program, self._defaults, asker, author)
                trigger, done, says, new = await again.retry(position, dry_run=dry_run)
                found.append(Corrected(str(position), trigger, done, says, new))
        finally:
            asker.close()
        return found

"""Asking user code again about what it failed at: a run's arguments, or a condition. Each is a Step of its own."""

from __future__ import annotations

from msgspec.structs import replace

from ensue.declare import DeclaredTrigger
from ensue.program import Program
from ensue.replay.judging import judge
from ensue.scheduler.arguments import finish
from ensue.scheduler.asking import Asker
from ensue.scheduler.decide import Firing
from ensue.scheduler.evaluate import Upstream
from ensue.scheduler.listening import ear
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import settle
from ensue.scheduler.turn import make
from ensue_core.clock import iso
from ensue_core.defaults import Defaults
from ensue_core.errors import NotFound, StoreError
from ensue_core.facts import (
    ConditionFailed,
    ConditionMatched,
    DepthExceeded,
    Fact,
    Participant,
    RunFailed,
    TriggerFired,
)
from ensue_core.ids import Id, derive_from
from ensue_core.ports import Committed, RunQuery, Step, Store
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import RunRow
from ensue_projections.occurrences import Occurrence, occurrences_of, slot_occurrence
from ensue_projections.pairing import Fired, match_id, pair, run_ids

TRIES_MAX = 100
"""How often a Step is built anew because another one came first."""


class _Again:
    """What both have in common: the code that is here, and one Step that says what came of it."""

    def __init__(self, store: Store, program: Program, defaults: Defaults, asker: Asker, author: str) -> None:
        self._store, self._program, self._defaults = store, program, defaults
        self._asker, self._author = asker, author
        self._triggers = {each.spec.id: each for each in program.triggers}

    def _code(self, trigger: str) -> DeclaredTrigger | None:
        return self._triggers.get(trigger)

    async def _fact(self, firing: Firing, service: str, record: Record | None) -> tuple[Draft, Fact]:
        """Make a run's arguments and return what comes of it."""
        known = {} if record is None else {record.position: record}
        (making,) = await make(self._store, [firing], known, self._triggers, self._program)
        answer = (await self._asker.ask([making.call]))[0] if making.call is not None else None
        depth_max = self._defaults.cause_depth_max
        (said,) = finish(making, answer, self._program, service, depth_max, lambda task: False, "")
        return said, said.fact

    async def _commit(self, service: str, said: Draft, state: ChainState) -> bool:
        """Say a fact in a Step that follows the chain as it was loaded; False where another one came first."""
        row = state.row
        step = Step(service, row.step, row.through, row.clock, (said,))
        return isinstance(await settle(self._store, step), Committed)


class RunAgain(_Again):
    """Retries a run whose arguments could not be made, under its own id."""

    async def retry(self, row: RunRow, *, dry_run: bool) -> tuple[bool, str]:
        """Return whether it fired, or would, and what there is to say of it."""
        trigger = self._code(row.trigger)
        if trigger is None:
            return False, f"left alone: the code of {row.trigger} is not here, name the program with --app"
        fact = (await self._store.log.read_at([row.position]))[row.position].fact
        assert isinstance(fact, RunFailed)
        firing, record = await self._firing(trigger, row.id, fact)
        said, became = await self._fact(firing, row.service, record)
        if isinstance(became, DepthExceeded):
            return False, f"left alone: it stands at the end of {became.depth} causes in a row"
        assert isinstance(became, (TriggerFired, RunFailed))
        says = f"fired with {bytes(became.arguments).decode()[:200]}" if isinstance(became, TriggerFired) else (
            f"failed again ({became.reason}: {became.error})"
        )  # fmt: skip
        if dry_run:
            return isinstance(became, TriggerFired), says
        retried = replace(became, run=row.id, author=self._author)
        for _ in range(TRIES_MAX):
            state = ChainState(await self._store.decisions.load(row.service))
            number = await self._number(row.id)
            if number is None:
                return False, "left alone: it was retried meanwhile and fired"
            again = draft(derive_from(row.id, "retried", number), retried, cause=said.cause, root=said.root)
            if await self._commit(row.service, again, state):
                return isinstance(became, TriggerFired), says
        raise StoreError(f"run {row.id} could not be retried: other Steps kept coming first, try again")

    async def _number(self, run: Id) -> int | None:
        """Return which retry this is; None where an earlier one has fired."""
        number = 1
        while (record := await self._store.log.find(derive_from(run, "retried", number))) is not None:
            if isinstance(record.fact, TriggerFired):
                return None
            number += 1
        return number

    async def _firing(self, trigger: DeclaredTrigger, run: Id, fact: RunFailed) -> tuple[Firing, Record | None]:
        """Return the run as it was about to fire: the participant that completed it gives its ids."""
        for part in fact.participants:
            ids = run_ids(self._store.namespace, fact.trigger, fact.branch, fact.participants, part.occurred)
            if ids[0] == run:
                occurrence, record = await self._occurrence(part)
                fired = Fired(run, ids[1], fact.branch, fact.key, fact.participants)
                return Firing(fired, trigger.spec, trigger.spec.version, occurrence), record
        raise StoreError(f"run {run} does not bear the id that follows from its participants: see `ensue verify`")

    async def _occurrence(self, part: Participant) -> tuple[Occurrence, Record | None]:
        if part.kind == "cron":
            return slot_occurrence(part.source, part.occurred, part.position), None
        record = (await self._store.log.read_at([part.position]))[part.position]
        return occurrences_of(record)[part.index], record


Told = tuple[str, bool, str, str | None]
"""The trigger, whether something was done, what there is to say, and the run that came of it."""


class ConditionAgain(_Again):
    """Asks a condition again that could not be asked."""

    async def retry(self, position: int, *, dry_run: bool) -> Told:
        """Return what came of it. Raises `NotFound` where no `ConditionFailed` stands at the position."""
        record = (await self._store.log.read_at([position])).get(position)
        if record is None or not isinstance(record.fact, ConditionFailed):
            raise NotFound("failed condition at position", str(position))
        fact = record.fact
        trigger = self._code(fact.trigger)
        if trigger is None or fact.condition not in trigger.spec.conditions:
            where = "the program that is here has no such condition, name the program with --app"
            return fact.trigger, False, f"left alone: {where}", None
        source = (await self._store.log.read_at([fact.position]))[fact.position]
        occurrence = occurrences_of(source)[fact.index]
        before = await self._decided(fact, occurrence)
        if before:
            return fact.trigger, False, f"left alone: {before}", None
        upstream = Upstream(await self._store.log.read_at([occurrence.created] if occurrence.created else []))
        listens = ear(fact.condition, trigger.spec.conditions[fact.condition])
        (judged,) = await judge(trigger.spec, [listens], occurrence, upstream, self._program, self._asker)
        if not judged.holds or judged.key is None:
            word = "says no" if judged.holds is False else "could not be asked again"
            return fact.trigger, False, f"{word}: {judged.because}", None
        return await self._yes(trigger, fact, source, occurrence, judged.key, dry_run)

    async def _decided(self, fact: ConditionFailed, occurrence: Occurrence) -> str:
        """Say what the trigger has made of the occurrence already; nothing where it has made nothing."""
        store = self._store
        rows = await store.views.runs(RunQuery(source=occurrence.source, trigger=fact.trigger, limit=100))
        for record in (await store.log.read_at([row.position for row in rows])).values():
            for part in getattr(record.fact, "participants", ()):
                if (part.position, part.index) == (occurrence.position, occurrence.index):
                    return "the trigger has fired for it"
        match = match_id(store.namespace, fact.trigger, fact.condition, occurrence)
        return "its match was recorded already" if await store.log.find(match) is not None else ""

    async def _yes(
        self,
        trigger: DeclaredTrigger,
        fact: ConditionFailed,
        source: Record,
        occurrence: Occurrence,
        key: str,
        dry_run: bool,
    ) -> Told:
        """Pair the match as it would have been paired, with what waits now."""
        name = fact.trigger
        for _ in range(TRIES_MAX):
            state = ChainState(await self._store.decisions.load(fact.service))
            row = state.triggers.get(name)
            if row is None or row.state == "retired":
                return name, False, "left alone: the trigger is not declared", None
            spec = trigger.spec
            keys = {fact.condition: key}
            paired = pair(self._store.namespace, fact.service, spec, occurrence, keys, state.waiting)
            now = max(state.row.clock, self._store.clock.now())
            if paired.fired is not None:
                within = spec.branches[paired.fired.branch].within
                if max(each.occurred for each in paired.fired.participants) > occurrence.time + within:
                    return name, False, f"left alone: its window passed at {iso(occurrence.time + within)}", None
                firing = Firing(paired.fired, spec, row.version, occurrence)
                said, became = await self._fact(firing, fact.service, source)
                if isinstance(became, (TriggerFired, RunFailed)):
                    said = draft(said.id, replace(became, author=self._author), cause=said.cause, root=said.root)
                says, new = f"{'fired' if isinstance(became, TriggerFired) else 'failed'}: run {said.id}", said.id
            else:
                late = [each for each in paired.waits if each.deadline < now]
                if late:
                    return name, False, f"left alone: its window passed at {iso(late[0].deadline)}", None
                (waits,) = paired.waits
                matched = ConditionMatched(
                    waits.service, waits.trigger, waits.condition, waits.key, waits.kind, waits.source,
                    waits.position, waits.occurred, waits.deadline, waits.index, self._author,
                )  # fmt: skip
                said = draft(waits.match, matched, cause=occurrence.source, root=occurrence.root)
                says, new = f"matched: waits for partners until {iso(waits.deadline)}", None
            if dry_run or await self._commit(fact.service, said, state):
                return name, True, says, new
        raise StoreError(f"condition of {name} could not be asked again: other Steps kept coming first, try again")

"""Backtesting: a program's triggers asked about recorded history, Step by Step as it was read, and nothing written.

Who was declared, paused, behind or asleep is history and stays as it was; what the conditions say, how matches pair
and which arguments come of it is decided anew, by the scheduler's own functions. A trigger that history does not know
counts from its beginning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from ensue.program import Program
from ensue.replay.compared import Backtested, Tally
from ensue.replay.past import Past, PastDecider, PatientAsker, Slots, cut
from ensue.replay.samples import sampled
from ensue.replay.tape import Tape
from ensue.scheduler.asking import Asker
from ensue.scheduler.cron import next_slot
from ensue.scheduler.listening import Listening
from ensue.scheduler.plan import plan
from ensue.scheduler.scheduler import NoSlots
from ensue.scheduler.state import ChainState, at
from ensue.scheduler.turn import decide_turn
from ensue_core.archive import Archive
from ensue_core.changes import OwnMoved, TimerSet
from ensue_core.declarations import OnCron, TriggerSpec
from ensue_core.defaults import Defaults
from ensue_core.facts import (
    AttemptEnded,
    CronTicked,
    Decided,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    Through,
    TicksSkipped,
    TriggerDeclared,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
)
from ensue_core.ports import Chain
from ensue_core.records import Record
from ensue_core.rows import ChainRow, TimerRow, TriggerRow
from ensue_projections.chain import chain_changes

__all__ = ["backtest"]

PAGE = 2_000
STEPS_AT_ONCE = 200
"""How many Steps that only read on are decided together: batching never changes the outcome."""

CANDIDATES_MAX = 1 << 40
Control = (
    TriggerDeclared, TriggerRetired, TriggerPaused, TriggerResumed, ServiceDeclared, ServicePaused, ServiceResumed,
)  # fmt: skip
OUTSIDE = (EventEmitted, InvocationCreated, InvocationCancelled, AttemptEnded)
"""What is never part of a Step."""

Progress = Callable[[int, int], None]


async def backtest(
    archive: Archive,
    program: Program,
    service: str,
    defaults: Defaults,
    asker: Asker,
    *,
    trigger: str | None = None,
    since: int | None = None,
    until: int | None = None,
    samples: int = 5,
    progress: Progress | None = None,
) -> Backtested:
    """Compare what a program's triggers (or one of them) make of history with what really happened.

    Counts the runs whose last occurrence lies in [since, until), in log time. Shows up to `samples` of each kind for
    each trigger. Appends nothing, starts nothing.
    """
    run = _Backtest(archive, program, service, defaults, PatientAsker(asker), trigger, since, until)
    await run.begin()
    await run.play(progress)
    return await sampled(
        archive, program, run.known, trigger, PatientAsker(asker), run.tally, service, run.position, samples
    )


class _Backtest:
    def __init__(
        self,
        archive: Archive,
        program: Program,
        service: str,
        defaults: Defaults,
        asker: Asker,
        only: str | None,
        since: int | None,
        until: int | None,
    ) -> None:
        self._archive, self._program, self._service = archive, program, service
        self._defaults, self._asker, self._only = defaults, asker, only
        self._declared = {
            each.spec.id: each for each in program.triggers if only is None or each.spec.id == only
        }  # fmt: skip
        self.known: dict[str, TriggerSpec] = {}
        """The triggers of history, as last declared."""
        self.tally = Tally(since, until)
        self.position = 0
        widest = max((b.within for d in self._declared.values() for b in d.spec.branches), default=0)
        self._warm = 0 if since is None else since - widest
        self._until = until
        self._state = ChainState(Chain(ChainRow(service)))
        self._past = Past(archive)
        self._slots: Slots = {}
        self._ticked: dict[tuple[str, str, str], int] = {}
        self._listening: dict[str | None, Listening] = {}
        self._main = Tape(archive, 0)
        self._lanes: dict[str, Tape] = {}
        self._waiting: tuple[Through, int] | None = None
        self._merged = 0

    async def begin(self) -> None:
        """Look up which triggers history knows; the others count from the beginning of what is looked at."""
        async with self._archive.moment() as moment:
            self._head = moment.head
            rows = [row async for piece in moment.rows("triggers") for row in piece if isinstance(row, TriggerRow)]
        self.known = {
            row.trigger: row.spec for row in rows
            if row.service == self._service and (self._only is None or row.trigger == self._only)
        }  # fmt: skip
        first = (await self._archive.read_at([1])).get(1)
        began = max(self._warm, first.time if first is not None else 0)
        for name, declared in self._declared.items():
            if name not in self.known:
                self._put(TriggerRow(self._service, name, "", declared.spec), {}, began)

    async def play(self, progress: Progress | None) -> None:
        """Go through the log once."""
        held: list[Record] = []
        head, steps = self._head.position, 0
        while self.position < head:
            page = (await self._archive.page(self.position, min(PAGE, head - self.position))).records
            if not page or (self._until is not None and page[0].time >= self._until):
                break
            for record in page:
                fact = record.fact
                if isinstance(fact, OUTSIDE):
                    held.clear()
                    continue
                if not isinstance(fact, Decided):
                    held.append(record)
                    continue
                if fact.service == self._service:
                    steps += 1
                    await self._step(fact, held[len(held) - fact.facts :] if fact.facts else [])
                held.clear()
            self.position = page[-1].position
            if progress is not None:
                progress(self.position, head)
        await self._flush()
        if not steps:
            # The service never decided anything: all of history is new to it.
            self._waiting = (at(head), self._head.time)
            await self._flush()

    # Steps.

    async def _step(self, fact: Decided, held: Sequence[Record]) -> None:
        """Take a recorded Step: what it read, what it said of triggers, and what fired in it."""
        for record in held:
            self._note(record.fact, fact.clock)
            if self._only is None or getattr(record.fact, "trigger", None) == self._only:
                self.tally.then(record)
        control = [record for record in held if isinstance(record.fact, Control)]
        if not control and not fact.own:
            self._waiting = (fact.through, fact.clock)
            self._merged += 1
            if self._merged >= STEPS_AT_ONCE or fact.clock < self._warm:
                await self._flush()
            return
        await self._flush()
        ends = {each.fact.trigger: each.fact.own for each in control if isinstance(each.fact, TriggerPaused)}
        if any(isinstance(each.fact, ServiceResumed) and each.fact.skipped for each in control):
            self._main.skip(fact.through.position)  # nobody was asked, those that lag behind neither
        else:
            await self._lanes_of(fact, ends)
            await self._read_on(fact.through, fact.clock, ends)
        for record in control:
            self._control(record)
        for trigger, own in fact.own.items():
            if trigger in self._state.triggers:
                self._put_own(trigger, own)
        self._moved(fact.through, fact.clock)

    async def _flush(self) -> None:
        """Decide what the Steps since the last time had read, all together."""
        waiting, self._waiting, self._merged = self._waiting, None, 0
        if waiting is not None:
            await self._read_on(*waiting, {})
            self._moved(*waiting)

    def _moved(self, through: Through, clock: int) -> None:
        self._state.row = replace(self._state.row, through=through, clock=clock)
        self._past.last.update(self._ticked)

    async def _read_on(self, end: Through, clock: int, ends: dict[str, Through]) -> None:
        """Decide the chain's own lane up to where a Step had read, and let time pass as it did."""
        start, last = self._state.row.through, 0
        async for records in self._main.upto(end.position, part=end.inside):
            done = self._main.position >= end.position
            warm = [each for each in records if each.time >= self._warm]
            if warm or (done and clock >= self._warm):
                last = warm[-1].time if warm else last
                to = end if done else at(self._main.position)
                passing = clock if done and clock > last else None
                await self._decide(None, warm, start, to, ends, passing, self._state.begins)
            start = at(self._main.position)
            self._state.row = replace(self._state.row, through=start)

    async def _lanes_of(self, fact: Decided, ends: dict[str, Through]) -> None:
        """Decide what triggers that lag behind the chain had read in a Step, each on its own."""
        lanes = {name: own or self._state.row.through for name, own in fact.own.items()}
        for name, own in ends.items():
            row = self._state.triggers.get(name)
            if row is not None and row.own is not None and name not in lanes:
                lanes[name] = own
        for name, end in lanes.items():
            row = self._state.triggers.get(name)
            if row is None or row.own is None or row.state != "active":
                continue
            start = row.own
            tape = self._lanes.get(name)
            if tape is None or tape.position != start.position:
                tape = self._lanes[name] = Tape(self._archive, start.position)
            async for records in tape.upto(end.position, part=end.inside):
                done = tape.position >= end.position
                warm = [each for each in records if each.time >= self._warm]
                to = end if done else at(tape.position)
                if warm:
                    await self._decide(name, warm, start, to, ends, None, {name: row.begins})
                start = at(tape.position)
                self._put_own(name, start)

    async def _decide(
        self,
        lane: str | None,
        records: Sequence[Record],
        start: Through,
        end: Through,
        ends: dict[str, Through],
        clock: int | None,
        begins: dict[str, int],
    ) -> None:
        """Ask, pair and make arguments, as a turn of the scheduler does."""
        listening = self._listening.get(lane)
        if listening is None:
            rows = [row for name, row in self._state.triggers.items() if lane in (None, name)]
            listening = self._listening[lane] = Listening(row.spec for row in rows)
        planned = cut(plan(records, start, listening, begins, CANDIDATES_MAX), end, ends)
        due = self._state.next_due() if lane is None else 0
        if not planned.entries and (due is None or due > (clock or planned.time)):
            return
        turn = await decide_turn(
            self._past, self._state, lane, planned, clock, self._declared, self._program, self._defaults, self._asker,
            NoSlots(), 0, decider=partial(PastDecider, slots=self._slots),
        )  # fmt: skip
        for each in turn.facts:
            self.tally.now(each)

    # What history says of triggers.

    def _note(self, fact: Fact, clock: int) -> None:
        """Remember what became of slots, for conditions that are the same today."""
        if not isinstance(fact, (CronTicked, TicksSkipped)):
            return
        declared = self._declared.get(fact.trigger)
        if declared is None or fact.condition not in declared.spec.conditions:
            return
        if clock < self._warm and fact.trigger in self._state.triggers:
            self._state.apply(TimerSet(TimerRow(self._service, fact.trigger, fact.condition, fact.next)))
        else:
            self._slots.setdefault((fact.trigger, fact.condition), deque()).append(fact)
        if isinstance(fact, CronTicked):
            self._ticked[self._service, fact.trigger, fact.condition] = fact.slot

    def _control(self, record: Record) -> None:
        """Apply what was declared, paused and resumed, to triggers that are here today."""
        fact = record.fact
        if isinstance(fact, TriggerDeclared):
            declared = self._declared.get(fact.trigger)
            if declared is not None:
                row = TriggerRow(
                    self._service, fact.trigger, fact.version, declared.spec, fact.state, fact.begins, fact.own
                )
                self._put(row, fact.timers, record.time)
            return
        name = getattr(fact, "trigger", None)
        if isinstance(fact, (TriggerRetired, TriggerPaused, TriggerResumed)) and name not in self._state.triggers:
            return
        for change in chain_changes(record):
            if not isinstance(change, TimerSet) or self._has(change.row):
                self._state.apply(change)
        if isinstance(fact, TriggerResumed) and fact.own is None:
            self._from_now([fact.trigger], record.time)
        if isinstance(fact, ServiceResumed) and fact.skipped:
            self._from_now(self._state.triggers, record.time)

    def _from_now(self, triggers: Iterable[str], now: int) -> None:
        """Let schedules that history does not know go on with their next slot, as those it knows do."""
        for name in triggers:
            for condition, each in self._state.triggers[name].spec.conditions.items():
                if isinstance(each, OnCron) and (name, condition) not in self._slots:
                    due = next_slot(each.expression, now)
                    self._state.apply(TimerSet(TimerRow(self._service, name, condition, due)))

    def _has(self, timer: TimerRow) -> bool:
        row = self._state.triggers.get(timer.trigger)
        return row is not None and timer.condition in row.spec.conditions

    def _put(self, row: TriggerRow, timers: dict[str, int], now: int) -> None:
        """Let a trigger be as it was declared, with the conditions it has today."""
        for change in chain_changes(_declaration(row, _timers(row.spec, timers, now))):
            self._state.apply(change)
        self._listening.clear()
        for condition in timers:
            if condition in row.spec.conditions:
                self._slots.setdefault((row.trigger, condition), deque())

    def _put_own(self, trigger: str, own: Through | None) -> None:
        row = self._state.triggers[trigger]
        if row.own != own:
            self._state.apply(OwnMoved(self._service, trigger, own))


def _timers(spec: TriggerSpec, timers: dict[str, int], now: int) -> dict[str, int]:
    """Return the timers as recorded; a schedule that is new begins with its next slot."""
    return {
        name: timers[name] if name in timers else next_slot(each.expression, now)
        for name, each in spec.conditions.items()
        if isinstance(each, OnCron)
    }


def _declaration(row: TriggerRow, timers: dict[str, int]) -> Record:
    fact = TriggerDeclared(row.service, row.trigger, row.version, row.spec, row.state, row.begins, row.own, timers)
    return Record(0, row.spec.id, 0, fact)  # type: ignore[arg-type]

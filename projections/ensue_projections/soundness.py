"""What makes a log sound, checked record by record while it is folded.

Positions are dense and time never goes back; every Step follows the one before it and is the digest of what it
holds; what a decision names precedes it; a trigger fires at most once per occurrence, and every run that fired has
an invocation of its own; attempts begin and end in turn; batches of a topic's partition follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ensue_core.clock import iso
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionMatched,
    CronTicked,
    Decided,
    DepthExceeded,
    EventEmitted,
    Fact,
    Ingested,
    InvocationCancelled,
    InvocationCreated,
    Participant,
    PollAnswered,
    RecordParked,
    RecordsMissed,
    RunFailed,
    TriggerFired,
    decode_fact,
    encode_fact,
)
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Step
from ensue_core.records import Draft, Record
from ensue_core.rows import WaitingRow
from ensue_core.topics import BEFORE_FIRST
from ensue_projections.occurrences import occurrences_of
from ensue_projections.pairing import participant_of, run_ids
from ensue_projections.standing import Standing

RECENT = 100_000
"""How many records' sources are remembered; of older ones the record itself is looked up."""

SHOWN = 100
"""How many flaws are told one by one."""

Run = TriggerFired | RunFailed | DepthExceeded
_OUTSIDE: frozenset[type[Fact]] = frozenset(
    {
        EventEmitted,
        InvocationCreated,
        InvocationCancelled,
        AttemptEnded,
        Ingested,
        RecordParked,
        RecordsMissed,
    }
)
"""What is never part of a Step."""


_FIRST = (-1, 0, NO_ID)
"""Where a trigger stands that has decided nothing."""


class Flaw(msgspec.Struct, frozen=True):
    """Something that must not be in a log: where, in which kind of record, and what."""

    position: int
    kind: str
    says: str


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a decision says of a record too far back to be remembered: it is to be looked up."""

    at: int
    kind: str
    participant: Participant


class Said(msgspec.Struct, frozen=True, gc=False):
    """A record of a Step that has not ended yet, with its fact as stored."""

    position: int
    id: Id
    time: int
    cause: str | None
    root: str | None
    data: bytes


class Memory(msgspec.Struct, frozen=True):
    """What a check that goes on later must know of all before, beside the views."""

    time: int
    said: tuple[Said, ...]
    ticked: tuple[tuple[Id, int], ...]
    steps: int
    runs: int
    failed: tuple[Id, ...]
    last: tuple[tuple[str, str, bool, int, int, Id], ...]


class Soundness:
    """Checks records in order, each before it is folded. Reads the views that the fold keeps, changes none."""

    def __init__(self, namespace: str, standing: Standing) -> None:
        self._namespace = namespace
        self._chains, self._work, self._topics = standing.chains, standing.work, standing.topics
        self.count = 0
        self.flaws: list[Flaw] = []
        self.claims: list[Claim] = []
        self.position = self.time = 0
        self.steps = self.runs = 0
        self._recent: dict[int, Id] = {}
        self._older: dict[int, Id] = {}
        self._ticked: dict[Id, int] = {}
        self._last: dict[tuple[str, str, bool], tuple[int, int, Id]] = {}
        self._failed: set[Id] = set()
        self._since = 0
        self._said: list[tuple[Record, bytes]] = []
        self._handlers: dict[type[Fact], Callable[[Record, Any], None]] = {
            EventEmitted: self._emitted,
            InvocationCreated: self._created,
            InvocationCancelled: self._cancelled,
            AttemptStarted: self._started,
            AttemptEnded: self._ended,
            TriggerFired: self._fired,
            RunFailed: self._ran,
            DepthExceeded: self._ran,
            ConditionMatched: self._matched,
            CronTicked: self._tick,
            PollAnswered: self._answered,
            Ingested: self._ingested,
        }

    def check(self, record: Record, data: bytes) -> None:
        """Check one record against all before it; `data` is its fact as stored."""
        if record.position != self.position + 1:
            self._flaw(record, f"follows record {self.position}: the records between are missing")
        if record.time < self.time:
            self._flaw(record, f"is {self.time - record.time} us older than the record before it")
        self.position, self.time = record.position, record.time
        fact = record.fact
        kind = type(fact)
        if isinstance(fact, Decided):
            self._decided(record, fact)
            return
        handle = self._handlers.get(kind)
        if handle is not None:
            handle(record, fact)
        if kind in _OUTSIDE:
            if self._said:
                self._forget()
        else:
            self._said.append((record, data))

    def memory(self) -> Memory:
        """Return what is to be known of all so far."""
        last = tuple((*key, *place) for key, place in sorted(self._last.items()))
        said = tuple(
            Said(each.position, each.id, each.time, each.cause, each.root, data) for each, data in self._said
        )  # fmt: skip
        return Memory(
            self.time,
            said,
            tuple(sorted(self._ticked.items())),
            self.steps,
            self.runs,
            tuple(sorted(self._failed)),
            last,
        )

    def remember(self, memory: Memory, position: int) -> None:
        """Go on after a position. Sources before it are looked up in the log."""
        self.position, self.time = position, memory.time
        self.steps, self.runs = memory.steps, memory.runs
        self._failed = set(memory.failed)
        self._last = {each[:3]: each[3:] for each in memory.last}
        self._ticked = dict(memory.ticked)
        self._said = [
            (Record(each.position, each.id, each.time, decode_fact(each.data), each.cause, each.root), each.data)
            for each in memory.said
        ]
        self._since = position

    def page(self) -> None:
        """Forget what is too far back; call it once a page."""
        if len(self._recent) > RECENT:
            self._older, self._recent = self._recent, {}

    def end(self, folded: int = 0) -> None:
        """The log ends here: a Step must have ended too, and no view has `folded` further."""
        self._forget()
        if folded > self.position:
            self._flaw_at(self.position, "log", f"ends here, and views have folded it up to {folded}: its end is lost")

    def settle(self, records: Mapping[int, Record]) -> None:
        """Check what was said of records too far back, now that they have been looked up, by position."""
        for claim in self.claims:
            record = records.get(claim.participant.position)
            found = () if record is None else occurrences_of(record)
            index = claim.participant.index
            if index >= len(found) or found[index].source != claim.participant.source:
                self._flaw_at(claim.at, claim.kind, _absent(claim.participant))
        self.claims.clear()

    # What programs and workers say.

    def _ingested(self, record: Record, fact: Ingested) -> None:
        row = self._topics.get((fact.topic, fact.partition))
        through = BEFORE_FIRST if row is None else row.through
        if fact.after != through:
            where = f"partition {fact.partition} of {fact.topic}"
            self._flaw(record, f"follows offset {fact.after} of {where}, of which {through} was taken last")

    def _emitted(self, record: Record, fact: EventEmitted) -> None:
        self._recent[record.position] = record.id

    def _created(self, record: Record, fact: InvocationCreated) -> None:
        self._recent[record.position] = record.id
        if record.id in self._work:
            self._flaw(record, f"creates invocation {record.id} a second time")

    def _started(self, record: Record, fact: AttemptStarted) -> None:
        self._recent[record.position] = fact.invocation
        row = self._work.get(fact.invocation)
        if row is None:
            self._flaw(record, f"starts invocation {fact.invocation}, which does not exist or has ended")
        elif row.attempt != fact.attempt or row.started:
            state = "runs" if row.started else "is due"
            self._flaw(record, f"starts attempt {fact.attempt} where attempt {row.attempt} {state}")
        elif row.created != fact.created:
            self._flaw(record, f"says its invocation was created at {fact.created}, it was at {row.created}")

    def _ended(self, record: Record, fact: AttemptEnded) -> None:
        self._recent[record.position] = fact.invocation
        row = self._work.get(fact.invocation)
        if row is None or row.attempt != fact.attempt or not row.started:
            self._flaw(record, f"ends attempt {fact.attempt} of invocation {fact.invocation}, which does not run")

    def _cancelled(self, record: Record, fact: InvocationCancelled) -> None:
        self._recent[record.position] = fact.invocation
        if fact.invocation not in self._work:
            self._flaw(record, f"cancels invocation {fact.invocation}, which does not exist or has ended")

    # What schedulers decide.

    def _tick(self, record: Record, fact: CronTicked) -> None:
        self._ticked[record.id] = fact.slot

    def _answered(self, record: Record, fact: PollAnswered) -> None:
        self._recent[record.position] = record.id
        timer = self._chains.timers.get((fact.service, fact.trigger, fact.condition))
        if timer is not None and fact.slot < timer.due:
            self._flaw(record, f"answers slot {iso(fact.slot)}, and the next one is {iso(timer.due)}")

    def _matched(self, record: Record, fact: ConditionMatched) -> None:
        if record.id in self._chains.waiting:
            self._flaw(record, "lets a match wait that waits already")
        part = Participant(
            fact.condition, record.id, fact.kind, fact.source, fact.position, fact.index, fact.occurred
        )  # fmt: skip
        self._precedes(record, part)

    def _fired(self, record: Record, fact: TriggerFired) -> None:
        self._recent[record.position] = fact.invocation
        self.runs += 1
        if fact.invocation in self._work:
            self._flaw(record, f"creates invocation {fact.invocation} a second time")
        if fact.participants:
            self._ran(record, fact)
        elif fact.author is None:
            self._flaw(record, "fires without participants, and by nobody's hand")

    def _ran(self, record: Record, fact: Run) -> None:
        run = None if isinstance(fact, DepthExceeded) else fact.run
        if run is not None:
            self._retried(record, fact, run)
            return
        parts = fact.participants
        lone = len(parts) == 1 and parts[0].match not in self._chains.waiting
        fresh = parts[0] if lone else self._fresh(record, fact)
        if fresh is None:
            return
        if lone:
            self._precedes(record, fresh)
        if isinstance(fact, RunFailed):
            self._failed.add(record.id)
        # A condition that is asked again, by somebody's hand, comes later than what it was asked about.
        if isinstance(fact, DepthExceeded) or fact.author is None:
            self._in_turn(record, fact, fresh)
        if not self._bears(fact, record.id, fresh.occurred):
            self._flaw(record, _OTHER_ID)

    def _in_turn(self, record: Record, fact: Run, fresh: Participant) -> None:
        """Check that a trigger decides about each occurrence once, and in order."""
        cron = fresh.kind == "cron"
        key = fact.service, fact.trigger, cron
        place = (fresh.occurred, 0, fresh.source) if cron else (fresh.position, fresh.index, fresh.source)
        last = self._last.get(key, _FIRST)
        if place[0] <= last[0] and (place[:2] < last[:2] or place == last):
            self._flaw(record, f"trigger {fact.trigger} fires again for what it had decided ({_name(fresh)})")
        self._last[key] = place

    def _retried(self, record: Record, fact: Run, run: Id) -> None:
        """Check that a run that is retried had failed, and fires once."""
        if run not in self._failed:
            self._flaw(record, f"retries run {run}, which had not failed or has fired since")
        if isinstance(fact, TriggerFired):
            self._failed.discard(run)
        if not any(self._bears(fact, run, each.occurred) for each in fact.participants):
            self._flaw(record, _OTHER_ID)

    def _bears(self, fact: Run, run: Id, time: int) -> bool:
        """Whether a run and its invocation bear the ids that follow from who took part, the last of them at a time."""
        one, other = run_ids(self._namespace, fact.trigger, fact.branch, fact.participants, time)
        return one == run and (not isinstance(fact, TriggerFired) or fact.invocation == other)

    def _fresh(self, record: Record, fact: Run) -> Participant | None:
        """Check a run's participants and return one that completed it; the others had waited."""
        waiting = self._chains.waiting
        fresh: Participant | None = None
        for part in fact.participants:
            row = waiting.get(part.match)
            if row is not None:
                if not _same(row, part, fact):
                    self._flaw(record, f"names a waiting match that says something else ({_name(part)})")
                continue
            self._precedes(record, part)
            if fresh is not None and (fresh.source, fresh.position, fresh.index) != (
                part.source, part.position, part.index,
            ):  # fmt: skip
                self._flaw(record, f"uses a match that did not wait ({_name(part)})")
            fresh = part
        if fresh is None:
            self._flaw(record, "has no participant that completed it")
        elif len(fact.participants) > 1 and len({part.match for part in fact.participants}) < len(fact.participants):
            self._flaw(record, "uses one match twice")
        return fresh

    def _precedes(self, record: Record, part: Participant) -> None:
        """Check that what a match says happened stands in the log before the record."""
        if part.kind == "cron":
            if self._ticked.get(part.source) != part.occurred:
                self._flaw(record, _absent(part))
            return
        if part.position >= record.position:
            self._flaw(record, f"names what comes after it ({_name(part)})")
            return
        source = self._recent.get(part.position) or self._older.get(part.position)
        if source == part.source:
            return
        if source is not None or part.position > max(record.position - RECENT, self._since):
            self._flaw(record, _absent(part))
        else:
            self.claims.append(Claim(record.position, record.kind, part))

    def _decided(self, record: Record, fact: Decided) -> None:
        """Check a Step: whom it follows, what it holds, and how far it says to have read."""
        self.steps += 1
        row = self._chains.row(fact.service)
        if fact.after != row.step:
            after, last = fact.after or "nothing", row.step or "none"
            self._flaw(record, f"follows Step {after}, the chain's last is {last}")
        if (fact.through.positions, fact.through.occurrence) < (row.through.positions, row.through.occurrence):
            self._flaw(record, f"has read less far ({fact.through.position}) than the Step before it")
        if fact.through.position >= record.position:
            self._flaw(record, f"says to have read up to {fact.through.position}, past itself")
        if not row.clock <= fact.clock <= record.time:
            self._flaw(record, f"lets time pass to {fact.clock}, not between {row.clock} and its own {record.time}")
        held = self._said[len(self._said) - fact.facts :] if fact.facts else []
        if len(held) != fact.facts or (held and held[0][0].position != record.position - fact.facts):
            self._flaw(record, f"says to hold {fact.facts} facts, which do not stand before it")
        elif _step_id(fact, held) != record.id:
            self._flaw(record, "is not the digest of the Step it ends: a fact of the Step was changed")
        del self._said[len(self._said) - len(held) :]
        self._forget()
        waiting = {row.source for row in self._chains.waiting.values()} if self._ticked else ()
        for slot in [each for each in self._ticked if each not in waiting]:
            del self._ticked[slot]

    # Saying it.

    def _forget(self) -> None:
        """What is said up to here belongs to no later Step; only workers' starts may stand alone."""
        for record, _ in self._said:
            if type(record.fact) is not AttemptStarted:
                self._flaw(record, "is a decision outside any Step")
        self._said.clear()

    def _flaw(self, record: Record, says: str) -> None:
        self._flaw_at(record.position, record.kind, says)

    def _flaw_at(self, position: int, kind: str, says: str) -> None:
        self.count += 1
        if len(self.flaws) < SHOWN:
            self.flaws.append(Flaw(position, kind, says))


def _step_id(fact: Decided, held: Sequence[tuple[Record, bytes]]) -> Id:
    """Return the id that a Step with these facts has."""
    drafts = tuple(_handed_in(record, data) for record, data in held)
    return Step(fact.service, fact.after, fact.through, fact.clock, drafts, fact.own).id


def _handed_in(record: Record, data: bytes) -> Draft:
    """Return a fact as its Step was handed in: before the store wrote where its invocation stands."""
    fact = record.fact
    if type(fact) is AttemptStarted:
        fact = replace(fact, created=fact.created - record.position)
        data = encode_fact(fact)
    root = None if record.root == record.id else record.root
    return Draft(record.id, fact, data, record.cause, root)


def _same(row: WaitingRow, part: Participant, fact: Run) -> bool:
    return participant_of(row) == part and (row.service, row.trigger) == (fact.service, fact.trigger)


_OTHER_ID = "does not bear the id that follows from its participants"


def _name(part: Participant) -> str:
    return f"{part.kind} {part.source} of record {part.position}"


def _absent(part: Participant) -> str:
    return f"names a participant that is not there ({_name(part)})"

"""The facts: what the log's records say, in the past tense, and how they are written as bytes.

A fact is a frozen Struct; its class name is the record's kind. Payloads, arguments and results are kept as
the exact JSON bytes they came in (`msgspec.Raw`). Ids are hex text inside facts.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ensue_core.declarations import TriggerSpec
from ensue_core.errors import FormatTooNew
from ensue_core.ids import Id
from ensue_core.statuses import Status

FORMAT = 1
"""The format version written on every record; a reader refuses a higher one."""


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag=True, tag_field="fact", gc=False):
    """The root of every fact."""


class Through(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, array_like=True):
    """How far a chain has read.

    `positions` holds the last record passed: one number on SQL, one a partition on Kafka. Inside the record
    after that, `occurrence` occurrences are decided whole, and the next one up to and including the trigger
    with id `trigger`.
    """

    positions: tuple[int, ...] = (0,)
    occurrence: int = 0
    trigger: str = ""

    @property
    def position(self) -> int:
        """The last record passed, on a log of one order."""
        return self.positions[0]

    @property
    def inside(self) -> bool:
        """Whether the next record is decided in part."""
        return bool(self.occurrence or self.trigger)


BEGINNING = Through()
SourceKind = Literal["event", "status", "cron", "poll"]


class Participant(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which occurrence satisfied which condition.

    `source` is the event's id, the invocation's id or the slot's id; `position` and `index` say which
    occurrence of which record (0 for a cron slot, which is its own fact).
    """

    condition: str
    match: Id
    kind: SourceKind
    source: Id
    position: int
    index: int = 0
    occurred: int = 0


class Failure(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An exception as it is stored: qualified type, its base classes' names, guarded text, trimmed traceback."""

    type: str
    message: str = ""
    bases: tuple[str, ...] = ()
    traceback: str = ""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where an ingested event came from: the place in its topic, and what it says of itself.

    `source` and `id` are the CloudEvent's own; `key` is its `partitionkey`, else the record's key where it is text.
    `attributes` are the CloudEvent's others.
    """

    topic: str
    partition: int
    offset: int
    source: str | None = None
    id: str | None = None
    key: str | None = None
    attributes: dict[str, str] = {}


# What programs say.


class EventEmitted(Fact, frozen=True, gc=False):
    """Somebody emitted an event; the record's id is the event's id. `origin` is set where it came from a topic.

    `corrects` is the event that it takes the place of, `author` who said so.
    """

    code: str
    payload: msgspec.Raw
    key: str | None = None
    emitter: Id | None = None
    emitter_task: str | None = None
    correlation: str | None = None
    causation: str | None = None
    traceparent: str | None = None
    depth: int = 0
    origin: Origin | None = None
    corrects: Id | None = None
    author: str = ""
    appended: int = 0


class InvocationCreated(Fact, frozen=True, gc=False):
    """Somebody submitted a task directly; the record's id is the invocation's id.

    `corrects` is the invocation that it takes the place of, `author` who said so.
    """

    task: str
    arguments: msgspec.Raw
    key: str | None = None
    emitter: Id | None = None
    correlation: str | None = None
    due: int = 0
    depth: int = 0
    corrects: Id | None = None
    author: str = ""
    appended: int = 0


class InvocationCancelled(Fact, frozen=True, gc=False):
    """An invocation was cancelled before it ended."""

    invocation: Id
    task: str
    created: int
    author: str = ""
    reason: str = ""
    depth: int = 0
    appended: int = 0


# What ingesters say.


class Ingested(Fact, frozen=True, gc=False):
    """A partition's records past offset `after` up to `through` were taken in; the events stand right before.

    Appended only where the partition's offset was `after`. Of the records, `events` became new events, `repeats`
    were there before, `parked` could not be read, and `missed` had been deleted before anybody read them.
    """

    topic: str
    partition: int
    after: int
    through: int
    events: int = 0
    repeats: int = 0
    parked: int = 0
    missed: int = 0


class RecordParked(Fact, frozen=True, gc=False):
    """A topic's record became no event and lies in the dead-letter topic."""

    topic: str
    partition: int
    offset: int
    reason: str


class RecordsMissed(Fact, frozen=True, gc=False):
    """A topic's records were deleted by its retention before anybody read them."""

    topic: str
    partition: int
    first: int
    last: int


# What workers say.


class AttemptStarted(Fact, frozen=True, gc=False):
    """A worker is about to run the body: PENDING, then RUNNING. `created` is the creating record's position."""

    invocation: Id
    attempt: int
    task: str
    created: int
    worker: str = ""
    depth: int = 0
    appended: int = 0


NO_RESULT = msgspec.Raw(b"")
"""Stands where an attempt brought no result; a result of None is the JSON `null`. (msgspec has no `Raw | None`.)"""

EndStatus = Literal["SUCCESS", "FAILED", "RETRY", "RELEASED", "LOST"]


class AttemptEnded(Fact, frozen=True, gc=False):
    """An attempt ended; the first end of an attempt counts.

    SUCCESS and FAILED end the invocation. RETRY, RELEASED and LOST open the next attempt at log time `due`.
    `failures` and `crashes` count the attempts so far that raised, and that died with their process.
    """

    invocation: Id
    attempt: int
    task: str
    created: int
    status: EndStatus
    result: msgspec.Raw = NO_RESULT
    failure: Failure | None = None
    due: int = 0
    failures: int = 0
    crashes: int = 0
    worker: str = ""
    depth: int = 0
    appended: int = 0

    @property
    def final(self) -> bool:
        """Whether the invocation has ended."""
        return self.status in ("SUCCESS", "FAILED")


# What schedulers decide; each of these stands in a Step.


class Decided(Fact, frozen=True, gc=False):
    """A Step: the record's id is the Step's id, the digest of all it holds.

    `own` holds the `through` of triggers that lag behind the chain (None once they have met it).
    """

    service: str
    after: Id
    through: Through
    clock: int
    own: dict[str, Through | None] = {}
    facts: int = 0


class ServiceDeclared(Fact, frozen=True):
    """A program declared its whole set of triggers; its version answers from here on."""

    service: str
    version: str
    tasks: tuple[str, ...]
    triggers: tuple[str, ...]
    takeover: bool = False


TriggerState = Literal["active", "paused", "retired"]


class TriggerDeclared(Fact, frozen=True):
    """A trigger is new or changed. It covers records past `begins`; `own` is set while it lags behind the chain.

    `polls` holds, by condition, which of its answers are unfinished, as `TimerRow.note` does.
    """

    service: str
    trigger: str
    version: str
    spec: TriggerSpec
    state: TriggerState = "active"
    begins: int = 0
    own: Through | None = None
    timers: dict[str, int] = {}
    polls: dict[str, str] = {}


class TriggerRetired(Fact, frozen=True):
    """A trigger is no longer declared; its waiting matches stay until their windows pass.

    `own` is how far it had been asked: where it returns with a `start=` in the past, it is asked no record twice.
    """

    service: str
    trigger: str
    own: Through | None = None


PauseReason = Literal["user", "timeouts", "takeover"]


class TriggerPaused(Fact, frozen=True):
    """A trigger stopped being asked; `own` is how far it had been asked."""

    service: str
    trigger: str
    own: Through
    reason: PauseReason = "user"
    author: str = ""


class TriggerResumed(Fact, frozen=True):
    """A trigger is asked again: from now (`own` is None, records past `begins`), or by catching up from `own`."""

    service: str
    trigger: str
    begins: int = 0
    own: Through | None = None
    timers: dict[str, int] = {}
    author: str = ""


class ServicePaused(Fact, frozen=True):
    """All decisions of a service stopped."""

    service: str
    author: str = ""


class ServiceResumed(Fact, frozen=True):
    """Decisions of a service go on, from where they stopped or, with `skipped`, past that many records."""

    service: str
    author: str = ""
    skipped: int = 0
    timers: dict[str, dict[str, int]] = {}


class ConditionMatched(Fact, frozen=True, gc=False):
    """A condition answered yes and its match waits for partners; the record's id is the match's id."""

    service: str
    trigger: str
    condition: str
    key: str
    kind: SourceKind
    source: Id
    position: int
    occurred: int
    deadline: int
    index: int = 0
    author: str = ""


class ConditionFailed(Fact, frozen=True, gc=False):
    """A filter raised, ran past its deadline or did not answer yes or no; its trigger was not satisfied by it."""

    service: str
    trigger: str
    condition: str
    position: int
    index: int
    reason: str
    error: str = ""


class TriggerFired(Fact, frozen=True, gc=False):
    """A trigger fired: the run (the record's id) and its registered invocation in one.

    `root` and depth follow the first participant. `author` is set where a person fired it, or had it asked again.
    `run` is the run's id where the record's is another one: a run that had failed and was retried.
    """

    service: str
    trigger: str
    version: str
    task: str
    invocation: Id
    arguments: msgspec.Raw
    branch: int = 0
    key: str = ""
    participants: tuple[Participant, ...] = ()
    due: int = 0
    depth: int = 0
    author: str | None = None
    run: Id | None = None


class RunFailed(Fact, frozen=True, gc=False):
    """A trigger was satisfied but its arguments could not be made; the record's id is the run's id.

    Where it was retried and failed again, `run` is the run's id and `author` who had it retried.
    """

    service: str
    trigger: str
    version: str
    task: str
    reason: str
    error: str = ""
    branch: int = 0
    key: str = ""
    participants: tuple[Participant, ...] = ()
    depth: int = 0
    run: Id | None = None
    author: str | None = None


class DepthExceeded(Fact, frozen=True, gc=False):
    """A trigger was satisfied but its chain of causes is too deep; nothing runs. The record's id is the run's id."""

    service: str
    trigger: str
    version: str
    task: str
    depth: int
    branch: int = 0
    key: str = ""
    participants: tuple[Participant, ...] = ()


class CronTicked(Fact, frozen=True, gc=False):
    """A slot came due; the record's id is the slot's id. `next` is the slot after it."""

    service: str
    trigger: str
    condition: str
    slot: int
    next: int


class TicksSkipped(Fact, frozen=True, gc=False):
    """Slots were missed and the catch-up policy dropped them."""

    service: str
    trigger: str
    condition: str
    count: int
    first: int
    last: int
    next: int
    reason: str = ""


class PollAnswered(Fact, frozen=True, gc=False):
    """A poll fired; the record's id is the answer's id. `next` is the earliest slot whose answer counts after it.

    `digest` is that of the payload in canonical form; `flying` are earlier answers whose reaction is unfinished,
    by digest and id.
    """

    service: str
    trigger: str
    condition: str
    slot: int
    next: int
    payload: msgspec.Raw
    digest: str
    flying: tuple[tuple[str, Id], ...] = ()


class WindowExpired(Fact, frozen=True, gc=False):
    """Waiting matches passed their deadline."""

    service: str
    trigger: str
    matches: tuple[Id, ...]


DropReason = Literal["overflow", "closed", "used"]


class MatchesDropped(Fact, frozen=True, gc=False):
    """Waiting matches were given up: too many waited, or their source invocation has ended."""

    service: str
    trigger: str
    matches: tuple[Id, ...]
    reason: DropReason


AnyFact = (
    EventEmitted
    | InvocationCreated
    | InvocationCancelled
    | Ingested
    | RecordParked
    | RecordsMissed
    | AttemptStarted
    | AttemptEnded
    | Decided
    | ServiceDeclared
    | TriggerDeclared
    | TriggerRetired
    | TriggerPaused
    | TriggerResumed
    | ServicePaused
    | ServiceResumed
    | ConditionMatched
    | ConditionFailed
    | TriggerFired
    | RunFailed
    | DepthExceeded
    | CronTicked
    | TicksSkipped
    | PollAnswered
    | WindowExpired
    | MatchesDropped
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyFact)


def kind_of(fact: Fact) -> str:
    """Return the kind a fact is recorded under."""
    return type(fact).__name__


def encode_fact(fact: Fact) -> bytes:
    """Return the bytes a fact is stored as."""
    return _encoder.encode(fact)


def decode_fact(data: bytes, kind: str = "", version: int = FORMAT) -> Any:
    """Return the fact that bytes hold.

    Raises `FormatTooNew` for a version this code does not read, msgspec errors for bytes that are no fact.
    """
    if version > FORMAT:
        raise FormatTooNew(kind, version)
    return _decoder.decode(data)


FINAL_STATUS: dict[str, Status] = {"SUCCESS": Status.SUCCESS, "FAILED": Status.FAILED}

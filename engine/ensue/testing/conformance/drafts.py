"""Short words for the drafts and Steps that the suite is made of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ensue_core.declarations import Branch, FunctionRef, OnCron, OnEvent, OnPoll, TriggerSpec, condition_id
from ensue_core.facts import (
    BEGINNING,
    NO_RESULT,
    AttemptEnded,
    AttemptStarted,
    ConditionMatched,
    EndStatus,
    EventEmitted,
    Failure,
    InvocationCancelled,
    InvocationCreated,
    Participant,
    PollAnswered,
    Through,
    TriggerDeclared,
    TriggerFired,
)
from ensue_core.ids import NO_ID, Id, derive_from, new_id
from ensue_core.ports import Claimed, Committed, End, Outrun, Step, Store, Superseded
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import WorkRow

TASK = "shop.pay"
EMPTY = msgspec.Raw(b"{}")


def event(code: str = "order.paid", payload: bytes = b"{}", id: Id | None = None, key: str | None = None) -> Draft:
    """An event; repeatable where its id is given."""
    return draft(id or new_id(), EventEmitted(code, msgspec.Raw(payload), key), repeatable=id is not None)


def submitted(task: str = TASK, arguments: bytes = b"{}", id: Id | None = None, due: int = 0) -> Draft:
    """A direct submit; repeatable where its id is given."""
    fact = InvocationCreated(task, msgspec.Raw(arguments), due=due)
    return draft(id or new_id(), fact, repeatable=id is not None)


def fired(
    task: str = TASK,
    service: str = "main",
    trigger: str = "t1",
    participants: tuple[Participant, ...] = (),
    due: int = 0,
) -> Draft:
    """A run with its invocation."""
    fact = TriggerFired(service, trigger, "v1", task, new_id(), EMPTY, participants=participants, due=due)
    return draft(new_id(), fact)


def invocation_of(run: Draft) -> Id:
    """The invocation that a run registered."""
    assert isinstance(run.fact, TriggerFired)
    return run.fact.invocation


def begun(run: Draft, places_before: int = 1, worker: str = "w1") -> Draft:
    """The start, in the same Step, of the invocation that a run registers so many places before."""
    assert isinstance(run.fact, TriggerFired)
    fact = AttemptStarted(run.fact.invocation, 1, run.fact.task, -places_before, worker)
    return draft(derive_from(run.fact.invocation, "start", 1), fact)


def matched(
    position: int,
    key: str = "k",
    trigger: str = "t1",
    service: str = "main",
    index: int = 0,
    deadline: int = 10**18,
) -> Draft:
    """A match that waits."""
    fact = ConditionMatched(service, trigger, "c1", key, "event", new_id(), position, 5, deadline, index)
    return draft(new_id(), fact)


def with_match(waiting: Draft) -> Participant:
    """A waiting match as a participant."""
    fact = waiting.fact
    assert isinstance(fact, ConditionMatched)
    return Participant(fact.condition, waiting.id, fact.kind, fact.source, fact.position, fact.index, fact.occurred)


def alone(position: int, source: Id | None = None) -> Participant:
    """A participant that never waited."""
    return Participant("c2", new_id(), "event", source or new_id(), position, 0, position)


POLL = OnPoll(FunctionRef("shop:depth"), 5_000_000)
POLL_ID = condition_id(POLL)
CRON = OnCron("* * * * *")
EVENT = OnEvent("order.*")
CRON_ID = condition_id(CRON)
EVENT_ID = condition_id(EVENT)
SPEC = TriggerSpec("t1", TASK, {CRON_ID: CRON, EVENT_ID: EVENT}, (Branch((CRON_ID,), 0), Branch((EVENT_ID,), 0)))


def declared(
    trigger: str = "t1", service: str = "main", due: int = 60, begins: int = 0, own: Through | None = None
) -> Draft:
    """A trigger with a cron condition and an event condition."""
    spec = msgspec.structs.replace(SPEC, id=trigger)
    fact = TriggerDeclared(service, trigger, spec.version, spec, "active", begins, own, {CRON_ID: due})
    return draft(new_id(), fact)


def polling(trigger: str = "t1", service: str = "main", due: int = 60) -> Draft:
    """A trigger with a poll condition."""
    spec = TriggerSpec(trigger, TASK, {POLL_ID: POLL}, (Branch((POLL_ID,), 0),))
    fact = TriggerDeclared(
        service, trigger, spec.version, spec, timers={POLL_ID: due}, polls={POLL_ID: "[]"}
    )  # fmt: skip
    return draft(new_id(), fact)


def answered(
    trigger: str, slot: int, service: str = "main", digest: str = "d", flying: tuple[tuple[str, Id], ...] = ()
) -> Draft:
    """A poll's answer to a slot."""
    fact = PollAnswered(
        service, trigger, POLL_ID, slot, slot + POLL.every, msgspec.Raw(b'{"depth":7}'), digest, flying
    )  # fmt: skip
    return draft(new_id(), fact)


def step(
    *facts: Draft,
    after: Id = NO_ID,
    through: int | Through = BEGINNING,
    clock: int = 0,
    service: str = "main",
    own: Mapping[str, Through | None] | None = None,
    worker: str = "",
    lease_seconds: float = 15.0,
) -> Step:
    """A Step; a bare number is the position of its `through`."""
    place = Through((through,)) if isinstance(through, int) else through
    return Step(service, after, place, clock, facts, own or {}, worker, lease_seconds)


async def commit(store: Store, *facts: Draft, service: str = "main", worker: str = "") -> Committed:
    """Commit facts as the chain's next Step."""
    row = (await store.decisions.load(service)).row
    through = Through((max(row.through.position, (await store.log.head()).position),))
    mine = step(*facts, after=row.step, through=through, clock=row.clock, service=service, worker=worker)
    return effective(await store.decisions.commit(mine))


def effective(outcome: Committed | Superseded | Outrun) -> Committed:
    """The outcome of a Step that must be effective."""
    assert isinstance(outcome, Committed), outcome
    return outcome


async def claim_one(store: Store, worker: str = "w1", task: str = TASK, lease_seconds: float = 15.0) -> Claimed:
    """Claim exactly one attempt."""
    claimed = await store.work.claim(worker, [task], 1, lease_seconds)
    assert len(claimed) == 1
    return claimed[0]


def end(
    row: WorkRow,
    status: EndStatus = "SUCCESS",
    *buffered: Draft,
    due: int = 0,
    failures: int = 0,
    crashes: int = 0,
    result: bytes = b"null",
) -> End:
    """The end of a row's current attempt."""
    fact = AttemptEnded(
        row.invocation,
        row.attempt,
        row.task,
        row.created,
        status,
        msgspec.Raw(result) if status == "SUCCESS" else NO_RESULT,
        Failure("builtins.ValueError", "no") if status in ("FAILED", "RETRY") else None,
        due,
        failures,
        crashes,
        "w1",
    )
    return End(row.invocation, row.attempt, draft(new_id(), fact), buffered)


def cancellation(invocation: Id, created: int = 1, task: str = TASK) -> Draft:
    """A cancellation."""
    return draft(new_id(), InvocationCancelled(invocation, task, created, "ann"))


async def whole(store: Store, after: int = 0) -> list[Record]:
    """The log past a position. A short page says nothing: the end is where a page is empty."""
    records: list[Record] = []
    while page := await store.log.read(records[-1].position if records else after, 1000):
        records += page
    return records


async def kinds(store: Store) -> list[str]:
    """The kinds of all records."""
    return [record.kind for record in await whole(store)]

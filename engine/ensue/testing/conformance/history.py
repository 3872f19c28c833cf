"""A random but lawful history: everything that engines do to a store, in seeded order."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeGuard

from msgspec.structs import replace

from ensue.testing.clock import ManualClock
from ensue.testing.conformance.drafts import (
    CRON_ID,
    POLL_ID,
    TASK,
    answered,
    begun,
    cancellation,
    declared,
    end,
    event,
    fired,
    matched,
    step,
    submitted,
)
from ensue_core.defaults import SECOND
from ensue_core.facts import (
    ConditionFailed,
    ConditionMatched,
    CronTicked,
    DepthExceeded,
    EndStatus,
    EventEmitted,
    Fact,
    MatchesDropped,
    Participant,
    PollAnswered,
    RecordParked,
    RunFailed,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    Through,
    TicksSkipped,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
)
from ensue_core.ids import Id, new_id
from ensue_core.ports import Chain, End, Store
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import WaitingRow, WorkRow
from ensue_core.topics import Batch

SERVICES = ("main", "other")
TRIGGERS = ("t1", "t2", "t3")


class History:
    """Acts on handles of one namespace, one act at a time, the choice made by a seed."""

    def __init__(self, seed: int, stores: Sequence[Store], clock: ManualClock) -> None:
        self._random = Random(seed)
        self._stores = stores
        self._clock = clock
        self._running: list[WorkRow] = []

    async def run(self, acts: int) -> None:
        """Do so many acts."""
        for _ in range(acts):
            await self.act()

    async def act(self) -> None:
        """Do one."""
        chance = self._random
        store = chance.choice(self._stores)
        self._clock.advance(chance.choice((0, 0, 0.001, 1, 20)))
        if chance.random() < 0.05:
            self._clock.step(-30)
        act = chance.choice(
            (self._emit, self._ingest, self._submit, self._decide, self._decide, self._work, self._work)
        )
        await act(store)

    async def _emit(self, store: Store) -> None:
        await store.log.append([event() for _ in range(self._random.randint(1, 4))])

    async def _ingest(self, store: Store) -> None:
        """Take some of a topic in, from where its offset stands or from where it does not."""
        partition = self._random.randint(0, 1)
        at = {row.partition: row.through for row in await store.offsets.rows("orders")}.get(partition, -1)
        if self._random.random() < 0.2:
            at += 1
        parked = draft(new_id(), RecordParked("orders", partition, at + 1, "no JSON"))
        drafts = self._random.choice(((), (event(), event()), (event(), parked)))
        await store.offsets.ingest([Batch("orders", partition, at, at + 3, drafts)])

    async def _submit(self, store: Store) -> None:
        due = self._clock.now() + 5 * SECOND if self._random.random() < 0.3 else 0
        await store.log.append([submitted(due=due) for _ in range(self._random.randint(1, 3))])

    async def _work(self, store: Store) -> None:
        chance = self._random
        match chance.choice(("claim", "claim", "finish", "finish", "finish", "reap", "cancel")):
            case "claim":
                claimed = await store.work.claim("w1", [TASK], chance.randint(1, 4), 10)
                self._running += [each.row for each in claimed]
            case "finish":
                chance.shuffle(self._running)
                rows, self._running = self._running[:3], self._running[3:]
                await store.work.finish([self._end(row) for row in rows])
            case "reap":
                await store.work.finish(
                    [end(row, "LOST", crashes=row.crashes + 1) for row in await store.work.expired(2)]
                )
            case _:
                records = [each for each in await self._tail(store) if each.kind == "InvocationCreated"]
                if records:
                    await store.work.cancel(cancellation(records[0].id, records[0].position))

    def _end(self, row: WorkRow) -> End:
        chance = self._random
        status: EndStatus = chance.choice(("SUCCESS", "SUCCESS", "FAILED", "RETRY", "RELEASED"))
        due = self._clock.now() + chance.choice((0, 5 * SECOND))
        buffered = [event(id=new_id()) for _ in range(chance.randint(0, 2))]
        return end(row, status, *buffered, due=due, failures=row.failures + (status == "RETRY"))

    async def _tail(self, store: Store) -> Sequence[Record]:
        head = await store.log.head()
        return await store.log.read(max(0, head.position - 40), 40)

    async def _decide(self, store: Store) -> None:
        """Commit a Step that has read to the end, of facts that fit what is there."""
        chance = self._random
        service = chance.choice(SERVICES)
        chain = await store.decisions.load(service)
        head = await store.log.head()
        tail = await self._tail(store)
        facts: list[Draft] = []
        for _ in range(chance.randint(0, 5)):
            facts += self._facts(chain, service, tail, facts)
        own = {row.trigger: self._own(head.position) for row in chain.triggers if chance.random() < 0.2}
        clock = max(chain.row.clock, head.time)
        inside = chance.random() < 0.2 and head.position > 0
        through = Through((head.position - 1,), 1, "t1") if inside else Through((head.position,))
        await store.decisions.commit(
            step(
                *facts,
                after=chain.row.step,
                through=through,
                clock=clock if not inside else min(clock, tail[-1].time),
                service=service,
                own=own,
                worker="w2",
            )
        )

    def _own(self, position: int) -> Through | None:
        return self._random.choice((None, Through((position // 2,), 1, "x")))

    def _facts(self, chain: Chain, service: str, tail: Sequence[Record], before: Sequence[Draft]) -> list[Draft]:
        chance = self._random
        trigger = chance.choice(TRIGGERS)
        waiting = [row for row in chain.waiting if row.trigger == trigger]
        gone = {id for each in before for id in _gone(each.fact)}
        free = [row.match for row in waiting if row.match not in gone]
        fact: Fact
        match chance.randint(0, 11):
            case 0 | 1:
                return [self._match(trigger, service, tail)]
            case 2 | 3 | 4:
                run = fired(service=service, trigger=trigger, participants=self._participants(chain, gone, tail))
                return [run, begun(run, worker="w2")] if chance.random() < 0.3 else [run]
            case 5:
                participants = self._participants(chain, gone, tail)
                fact = (
                    RunFailed(service, trigger, "v", TASK, "bad", participants=participants)
                    if chance.random() < 0.5
                    else DepthExceeded(service, trigger, "v", TASK, 101, participants=participants)
                )
            case 6:
                if not free:
                    return []
                fact = WindowExpired(service, trigger, tuple(free[:2]))
            case 7:
                if not free:
                    return []
                fact = MatchesDropped(service, trigger, tuple(free[:1]), chance.choice(("overflow", "closed")))
            case 8 if chance.random() < 0.4:
                due = [row.due for row in chain.timers if (row.trigger, row.condition) == (trigger, POLL_ID)]
                due += [fact.next for fact in (each.fact for each in before) if _answers(fact, trigger)]
                slot = max([self._clock.now(), *due])
                return [answered(trigger, slot, service, flying=(("d", new_id()),) * chance.randint(0, 2))]
            case 8:
                now = self._clock.now()
                fact = (
                    CronTicked(service, trigger, CRON_ID, now, now + 60 * SECOND)
                    if chance.random() < 0.7
                    else TicksSkipped(service, trigger, CRON_ID, 3, now, now, now + 60 * SECOND)
                )
            case 9:
                if chance.random() < 0.5:
                    return [declared(trigger, service, chance.randint(1, 99), own=self._own(9))]
                fact = ServiceDeclared(service, f"v{chance.randint(1, 9)}", (TASK,), TRIGGERS)
            case 10:
                fact = chance.choice(
                    (
                        TriggerPaused(service, trigger, Through((3,)), "user"),
                        TriggerResumed(service, trigger, 4, None, {CRON_ID: 7}),
                        TriggerRetired(service, trigger),
                    )
                )
            case _:
                fact = chance.choice(
                    (
                        ServicePaused(service),
                        ServiceResumed(service, timers={trigger: {CRON_ID: 8}}),
                        ConditionFailed(service, trigger, "c1", 1, 0, "raised", "E"),
                    )
                )
        return [draft(new_id(), fact)]

    def _match(self, trigger: str, service: str, tail: Sequence[Record]) -> Draft:
        events = [record for record in tail if isinstance(record.fact, EventEmitted)]
        waits = matched(1, trigger=trigger, service=service)
        if events:
            of = self._random.choice(events)
            assert isinstance(waits.fact, ConditionMatched)
            fact = replace(waits.fact, source=of.id, position=of.position, occurred=of.time)
            waits = draft(waits.id, fact)
        return waits

    def _participants(self, chain: Chain, gone: set[Id], tail: Sequence[Record]) -> tuple[Participant, ...]:
        """Up to two matches that wait, and one occurrence that completes the run."""
        events = [record for record in tail if isinstance(record.fact, EventEmitted)]
        if not events:
            return ()
        of = self._random.choice(events)
        free = [row for row in chain.waiting if row.match not in gone and row.position < of.position]
        waited = tuple(_waited(row) for row in self._random.sample(free, min(len(free), self._random.randint(0, 2))))
        return (*waited, Participant("c9", new_id(), "event", of.id, of.position, 0, of.time))


def _answers(fact: Fact, trigger: str) -> TypeGuard[PollAnswered]:
    return isinstance(fact, PollAnswered) and fact.trigger == trigger


def _waited(row: WaitingRow) -> Participant:
    return Participant(row.condition, row.match, row.kind, row.source, row.position, row.index, row.occurred)


def _gone(fact: Fact) -> Sequence[Id]:
    match fact:
        case WindowExpired() | MatchesDropped():
            return fact.matches
        case RunFailed() | DepthExceeded() | TriggerFired():
            return [each.match for each in fact.participants]
        case _:
            return ()

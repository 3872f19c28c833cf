"""The scheduler's loop for one service: read, ask, decide, commit a Step; then again, or wait for the log.

Any number of schedulers may run; the chain of Steps lets one be effective at a time. Leases only save work:
they say who leads and whose version is live, and may be wrong without harm.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec.structs import replace as with_fields

from ensue.offload import Offload, Threads
from ensue.program import DeclaredTrigger, Program
from ensue.scheduler.answers import Answers
from ensue.scheduler.asking import Asker
from ensue.scheduler.declare import Wanted, declare, is_current
from ensue.scheduler.listening import Listening
from ensue.scheduler.plan import plan
from ensue.scheduler.polls import Poller
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import commit_facts, settle
from ensue.scheduler.turn import Turn, decide_turn
from ensue_core.changes import WorkAdded
from ensue_core.clock import Clock
from ensue_core.declarations import OnPoll, TriggerSpec
from ensue_core.defaults import Defaults
from ensue_core.errors import EnsueError, HistoryLost, StoreError
from ensue_core.facts import AttemptStarted, Decided, Fact, Through, TriggerPaused
from ensue_core.ports import Claimed, Committed, Log, Step, Store
from ensue_core.records import Record
from ensue_projections.chain import chain_changes
from ensue_projections.work import work_changes

logger = logging.getLogger("ensue.scheduler")


class Slots(Protocol):
    """The free slots of a worker in this process, for invocations that a Step starts at once."""

    name: str

    def reserve(self, task: str) -> bool:
        """Take a free slot for a task."""
        ...

    def unreserve(self, task: str) -> None:
        """Give a slot back."""
        ...

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Run what an effective Step started."""
        ...


class NoSlots:
    """Stands where this process has no worker."""

    name = ""

    def reserve(self, task: str) -> bool:
        """Never has a slot."""
        return False

    def unreserve(self, task: str) -> None:
        """Nothing was taken."""

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Nothing was started."""


class Scheduler:
    """Decides for one service until it is cancelled. `declared` is set once its program is declared."""

    def __init__(
        self,
        store: Store,
        program: Program,
        clock: Clock,
        defaults: Defaults,
        *,
        service: str,
        process: str,
        asker: Asker,
        slots: Slots | None = None,
        offload: Offload | None = None,
        replace: bool = False,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self._store, self._program, self._clock, self._defaults = store, program, clock, defaults
        self._service, self._process, self._asker = service, process, asker
        self._slots: Slots = slots or NoSlots()
        self._replace = replace
        self._triggers = {each.spec.id: each for each in program.triggers}
        self._wanted: Wanted | None = None
        self._state: ChainState | None = None
        self._listening: dict[str | None, Listening] = {}
        self._scan: Through = Through()
        self._seen = 0
        self._lane_scan: dict[str, Through] = {}
        self._behind = 0
        self._attentive_since = 0
        self._last_look = 0
        self._leads = False
        self._stalled: tuple[str, int] = ("", 0)
        self._fired_since_count = 0
        self._queue_full = False
        self._paused: set[str] = set()
        self._unheld, self._unheld_for, self._unheld_since = "", 0.0, 0.0
        self._poller: Poller | None = None
        if any(isinstance(each, OnPoll) for row in program.triggers for each in row.spec.conditions.values()):
            self._poller = Poller(clock, defaults, offload or Threads("ensue-poll"), self._triggers)
            self._answers = Answers(store)
        self.declared = asyncio.Event()
        self.resting = False
        self.next_due: int | None = None

    # Declaring.

    async def declare(self) -> None:
        """Declare this program's triggers, in a Step; does nothing where it is current already.

        Raises `AnotherProgram` and `StartNeeded`.
        """
        self._wanted = await wanted_of(self._program, self._service, self._store.log)
        await self._declare(takeover=False)
        self.declared.set()

    async def _declare(self, *, takeover: bool) -> None:
        assert self._wanted is not None
        wanted = self._wanted

        def build(state: ChainState, head: int, now: int) -> list[Fact]:
            if takeover and is_current(state, wanted):
                return []
            return declare(
                state, wanted, self._store.namespace, head, now, self._defaults,
                takeover=takeover, replace=self._replace,
            )  # fmt: skip

        state, facts = await commit_facts(self._store, self._service, build)
        if facts:
            logger.info("service %s: version %s declared, %d facts", self._service, wanted.version, len(facts))
        self._take(state)

    # The loop.

    async def run(self) -> None:
        """Declare, then decide until cancelled. A store that is away is waited for; nothing is lost by it."""
        self._attentive_since = self._last_look = self._clock.now()
        if not self.declared.is_set():
            await self.declare()
        with contextlib.suppress(StoreError):
            await self._beat()
        helpers = [asyncio.create_task(self._keep_leases(), name="ensue-scheduler-leases")]
        if self._poller is not None:
            helpers.append(asyncio.create_task(self._poller.run(), name="ensue-scheduler-polls"))
        pause = 0.05
        try:
            while True:
                try:
                    await self._turn()
                    pause = 0.05
                except HistoryLost:
                    raise
                except StoreError as error:
                    logger.warning("service %s: %s; trying again in %.2g s", self._service, error, pause)
                    self._state = None
                    await self._clock.sleep(pause)
                    pause = min(pause * 2, 5.0)
        finally:
            for each in helpers:
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each
            await self._release()

    async def _turn(self) -> None:
        """Decide what can be decided, or wait for the log or the next deadline."""
        self._look()
        state = await self._chain()
        if self._poller is not None:
            self._poller.follow(state if self._leads and not state.row.paused and self._is_mine(state) else None)
        if state.row.paused or not self._is_mine(state) or not (self._leads or await self._stalls(state)):
            await self._stand_by(state)
            return
        if await self._full():
            await self._clock.sleep(self._defaults.poll_seconds)
            return
        await self._decide(state)
        moved = False
        for row in state.lagging():
            if self._state is not state:
                return
            moved = await self._decide_lane(state, row.trigger) or moved
        if self._poller is not None and self._poller.some.is_set() and self._state is state:
            await self._take_answers(state, self._poller)
            moved = True
        # Where the log has more already, resting ends at once, without a look at an empty page.
        if not moved and self._state is state:
            await self._rest(state)

    def _look(self) -> None:
        """Notice a gap in our own attention: slots that came due in it were missed, not merely late."""
        now = self._clock.now()
        if now - self._last_look > int(self._defaults.lease_seconds * 1_000_000) and not self.resting:
            self._attentive_since = now
        self._last_look = now
        self.resting = False

    async def _rest(self, state: ChainState) -> None:
        # By our own clock: where it is behind the chain's, that is how long it takes to get there.
        now = self._clock.now()
        due = state.next_due()
        self.next_due = due
        seconds = None if due is None else max(due - now, self._behind, 0) / 1_000_000
        nap = self._defaults.heartbeat_seconds if seconds is None else min(seconds, self._defaults.heartbeat_seconds)
        if nap > 0:
            self.resting = True
            await self._wait(nap)
            # Asleep for far longer than asked: the machine was suspended.
            if self._clock.now() - now <= int((nap + self._defaults.lease_seconds) * 1_000_000):
                self._last_look = self._clock.now()
            else:
                self._attentive_since = self._last_look = self._clock.now()
            self.resting = False

    async def _wait(self, seconds: float) -> None:
        """Wait for the log, or for a poll's answer."""
        if self._poller is None:
            await self._store.log.wait(self._scan.position, seconds)
            return
        waits: set[asyncio.Future[Any]] = {
            asyncio.ensure_future(self._store.log.wait(self._scan.position, seconds)),
            asyncio.ensure_future(self._poller.some.wait()),
        }
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _take_answers(self, state: ChainState, poller: Poller) -> None:
        """Say what polls answered, in a Step that passes no record and lets no time pass."""
        polled = poller.take()
        try:
            facts = await self._answers.facts(state, polled)
            if not facts:
                return
            step = Step(self._service, state.row.step, state.row.through, state.row.clock, tuple(facts))
            if await self._commit(state, step, Turn(facts, True, [])):
                # Those that were suppressed by this Step's own answers have their turn at their next slot.
                for record in facts:
                    for change in chain_changes(Record(0, record.id, 0, record.fact)):
                        state.apply(change)
                return
        except StoreError:
            poller.give_back(polled)
            raise
        poller.give_back(polled)

    # One Step of the chain's own lane.

    async def _decide(self, state: ChainState) -> None:
        """Read on, decide and commit."""
        self._behind = 0
        now = max(self._clock.now(), state.row.clock)
        records = await self._store.log.read(self._scan.position, self._defaults.batch_records_max)
        if self._foreign(state, records):
            return
        planned = plan(records, self._scan, self._listen(state, None), state.begins, self._defaults.step_facts_max)
        due = state.next_due()
        # An empty page is the end of the log: only then may the Step's clock be the store's.
        clock = None if records or due is None or due > now else now
        reached = now if clock is not None else planned.time
        timely = due is not None and due <= reached
        if not planned.entries and not timely:
            self._scan = planned.through
            return
        horizon = await self._store.log.horizon(planned.through.position, due if due is not None and timely else 0)
        if due is not None and timely:
            self._behind = max(due - horizon, 0)
        turn = await decide_turn(
            self._store, state, None, planned, clock, self._triggers, self._program, self._defaults,
            self._asker, self._slots, self._attentive_since, horizon,
        )  # fmt: skip
        if not turn.facts and not turn.asked:
            self._scan = planned.through
            return
        step = Step(
            self._service,
            state.row.step,
            planned.through,
            max(state.row.clock, min(reached, horizon)),
            tuple(turn.facts),
            worker=self._slots.name,
            lease_seconds=self._defaults.lease_seconds,
        )
        if await self._commit(state, step, turn):
            self._scan = planned.through

    async def _decide_lane(self, state: ChainState, trigger: str) -> bool:
        """Let a lagging trigger catch up by one batch, up to where the chain stands."""
        row, limit = state.triggers[trigger], state.row.through
        start = self._lane_scan.get(trigger) or row.own
        if start is None:
            return False
        records = await self._store.log.read(start.position, self._defaults.batch_records_max)
        records = [record for record in records if record.position <= limit.position]
        planned = plan(
            records, start, self._listen(state, trigger), {trigger: row.begins}, self._defaults.step_facts_max
        )
        meets = planned.whole and planned.through.position >= limit.position
        if meets and limit.inside:
            return False
        horizon = await self._store.log.horizon(planned.through.position, 0)
        turn = await decide_turn(
            self._store, state, trigger, planned, None, self._triggers, self._program, self._defaults,
            self._asker, self._slots, self._attentive_since, horizon,
        )  # fmt: skip
        if not turn.facts and not turn.asked and not meets:
            self._lane_scan[trigger] = planned.through
            return True
        paused = state.triggers[trigger].state != "active"
        own = {} if paused else {trigger: None if meets else planned.through}
        step = Step(
            self._service, state.row.step, state.row.through, state.row.clock, tuple(turn.facts), own,
            self._slots.name, self._defaults.lease_seconds,
        )  # fmt: skip
        self._lane_scan.pop(trigger, None)
        if await self._commit(state, step, turn) and meets:
            self._take(state)
        return True

    async def _commit(self, state: ChainState, step: Step, turn: Turn) -> bool:
        """Commit a Step; begin what it started, or give the slots back and forget the state it moved."""
        try:
            outcome = await settle(self._store, step)
        except BaseException:
            self._forget(turn)
            raise
        if not isinstance(outcome, Committed):
            self._forget(turn)
            return False
        for change in chain_changes(outcome.records[-1]):
            state.apply(change)
        self._paused.update(each.fact.trigger for each in turn.facts if isinstance(each.fact, TriggerPaused))
        self._fired_since_count += len(turn.facts)
        if turn.started:
            self._slots.begin(started_in(outcome.records))
            await asyncio.sleep(0)  # bodies start before the next page is looked at
        return True

    def _forget(self, turn: Turn) -> None:
        self._state = None
        for task in turn.started:
            self._slots.unreserve(task)

    # The chain in memory.

    async def _chain(self) -> ChainState:
        if self._state is None:
            self._take(ChainState(await self._store.decisions.load(self._service)))
        assert self._state is not None
        return self._state

    def _take(self, state: ChainState) -> None:
        """Go on from a state as the store has it."""
        self._state = state
        self._scan = state.row.through
        self._lane_scan.clear()
        self._listening.clear()
        for name in [name for name in self._paused if state.triggers[name].state == "active"]:
            # Somebody has resumed it: its timeouts of before count no more.
            self._paused.discard(name)
            self._asker.reset(name)

    def _listen(self, state: ChainState, lane: str | None) -> Listening:
        if lane not in self._listening:
            rows = [row for name, row in state.triggers.items() if (name == lane if lane else row.state != "retired")]
            self._listening[lane] = Listening(row.spec for row in rows if row.trigger in self._triggers)
        return self._listening[lane]

    def _foreign(self, state: ChainState, records: Sequence[Record]) -> bool:
        """Whether another scheduler's Step follows ours: then what we hold is old."""
        for record in records:
            fact = record.fact
            if type(fact) is Decided and fact.service == self._service and fact.after == state.row.step:
                self._state = None
                return True
        return False

    def _is_mine(self, state: ChainState) -> bool:
        return self._wanted is not None and is_current(state, self._wanted)

    async def _full(self) -> bool:
        """Whether more work is queued than the bound allows; then the log holds what is to be decided."""
        if self._queue_full or self._fired_since_count >= min(1_000, self._defaults.queued_max):
            self._fired_since_count = 0
            self._queue_full = await self._store.work.queued() >= self._defaults.queued_max
        return self._queue_full

    # Standing by: another version is declared, another process leads, or the service is paused.

    async def _stand_by(self, state: ChainState) -> None:
        if not state.row.paused and not self._is_mine(state) and self._nobody_holds(state.row.version):
            logger.warning(
                "service %s: no live process holds version %s; taking over", self._service, state.row.version
            )
            await self._declare(takeover=True)
            await self._beat()
            return
        seen = max(self._seen, state.row.through.position)
        self.resting = True
        # A new leader's Steps, a resume or a declaration show as a Step that follows the one we know.
        grown = await self._store.log.wait(seen, self._nap())
        self.resting = False
        if grown:
            records = await self._store.log.read(seen, self._defaults.batch_records_max)
            if records and not self._foreign(state, records):
                self._seen = records[-1].position

    def _nap(self) -> float:
        return min(self._defaults.lease_seconds / 5, self._defaults.heartbeat_seconds)

    async def _stalls(self, state: ChainState) -> bool:
        """Whether the leader seems to have stopped: nothing was decided for a while though something is due."""
        now = self._clock.now()
        if self._stalled[0] != state.row.step:
            self._stalled = (state.row.step, now)
            return False
        if now - self._stalled[1] < int(self._defaults.lease_seconds / 5 * 1_000_000):
            return False
        self._stalled = (state.row.step, now)
        head = await self._store.log.head()
        due = state.next_due()
        if head.position > state.row.through.position or (due is not None and due < now):
            self._scan = state.row.through
            return True
        return False

    # Leases.

    def _nobody_holds(self, version: str) -> bool:
        """Whether no live holder of a version was seen for one whole lease in which the store was readable."""
        return self._unheld == version and self._unheld_for >= self._defaults.lease_seconds

    async def _keep_leases(self) -> None:
        """Say that this version is live, try to lead, and watch for the version that is declared."""
        while True:
            await self._clock.sleep(min(self._defaults.heartbeat_seconds, self._defaults.lease_seconds / 3))
            try:
                await self._beat()
            except EnsueError as error:
                # A lease that could not be seen counts for nobody: watch a whole one again.
                self._unheld = ""
                logger.debug("leases: %s", error)

    async def _beat(self) -> None:
        leases, seconds = self._store.leases, self._defaults.lease_seconds
        version = self._wanted.version if self._wanted else ""
        state = self._state
        await leases.hold(f"holder/{self._service}/{self._process}", self._process, version, seconds)
        if state is not None and self._is_mine(state):
            self._leads = await leases.hold(f"leader/{self._service}", self._process, version, seconds)
            # What was seen before counts no more: another takeover needs a whole lease of its own.
            self._unheld, self._unheld_for = "", 0.0
            return
        self._leads = False
        await leases.release(f"leader/{self._service}", self._process)
        if state is None:
            return
        live = {note for _, _, note in await leases.holders(f"holder/{self._service}/")}
        now = self._clock.monotonic()
        if state.row.version in live or self._unheld != state.row.version:
            self._unheld, self._unheld_since = ("" if state.row.version in live else state.row.version), now
        self._unheld_for = now - self._unheld_since if self._unheld else 0.0

    async def _release(self) -> None:
        """Give the leases up, so that another process need not wait for them to run out."""
        with contextlib.suppress(EnsueError):
            await self._store.leases.release(f"leader/{self._service}", self._process)
            await self._store.leases.release(f"holder/{self._service}/{self._process}", self._process)


def started_in(records: Sequence[Record]) -> list[Claimed]:
    """Return the attempts that a Step of ours has started, with the records that created their invocations."""
    claimed: list[Claimed] = []
    for before, record in itertools.pairwise(records):
        if isinstance(record.fact, AttemptStarted):
            (added,) = work_changes(before)
            assert isinstance(added, WorkAdded)
            claimed.append(Claimed(with_fields(added.row, started=True), before))
    return claimed


async def wanted_of(program: Program, service: str, log: Log) -> Wanted:
    """Return what a program declares, with `start=` times turned into positions of the log."""
    triggers: dict[str, DeclaredTrigger] = {each.spec.id: each for each in program.triggers}
    specs: dict[str, TriggerSpec] = {}
    for name, each in triggers.items():
        spec = each.spec
        if spec.start_time is not None:
            spec = with_fields(spec, start=await position_before(log, spec.start_time))
        specs[name] = spec
    return Wanted(service, program.version, tuple(sorted(program.tasks)), specs)


async def position_before(log: Log, time: int) -> int:
    """Return the last position whose record is older than a log time, by bisection; 0 where none is."""
    low, high = 0, (await log.head()).position
    while low < high:
        middle = (low + high + 1) // 2
        found = (await log.read_at([middle])).get(middle)
        if found is None or found.time < time:
            low = middle
        else:
            high = middle - 1
    return low

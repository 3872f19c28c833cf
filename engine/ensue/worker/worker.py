"""The worker: claims attempts as slots are free, runs their bodies, and sees to it that each end is appended.

claim or Step ──▶ begin ──▶ body ──▶ the slot is free again; its end ──▶ committer

The loops (watcher, claimers, committer, heartbeat, reaper) live in one task group; bodies are tasks of their
own, which are cancelled and awaited when it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ensue.offload import Offload, Threads
from ensue.worker.attempt import Attempt
from ensue.worker.claiming import Claimer, LogTime, Watcher
from ensue.worker.committer import Committer
from ensue.worker.ends import Outcome, Raised, Returned, end_of, own_end
from ensue.worker.failures import capture
from ensue.worker.leases import Heartbeat, Held, Reaper
from ensue.worker.needs import Binder, Program
from ensue.worker.slots import Hold, Slots
from ensue.worker.waiting import set_within
from ensue_core.clock import Clock
from ensue_core.defaults import Defaults
from ensue_core.ids import Id
from ensue_core.ports import Claimed, Store

LAST_CHANCE_SECONDS = 1.0
"""How long bodies that were asked to stop have to come back before a worker goes without them."""

_log = logging.getLogger("ensue.worker")


class Worker:
    """Runs one program's tasks on one store.

    Its name must be this process's own, and of this start: leases are held under it.
    """

    def __init__(
        self,
        store: Store,
        program: Program,
        *,
        clock: Clock,
        defaults: Defaults,
        name: str,
        binder: Binder,
        async_slots: int | None = None,
        thread_slots: int | None = None,
        offload: Offload | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.defaults = defaults
        self.binder = binder
        thread_slots = defaults.thread_slots if thread_slots is None else thread_slots
        self.offload: Offload = offload or Threads(idle_max=thread_slots)
        self._definitions = program.tasks
        self._async_slots = Slots(defaults.async_slots if async_slots is None else async_slots)
        self._thread_slots = Slots(thread_slots)
        self._time = LogTime(store.clock)
        self._open: dict[Id, Attempt] = {}
        """Attempts whose end is not committed, by invocation."""
        self._bodies: set[Attempt] = set()
        """Attempts whose body has not come back."""
        self._calm = asyncio.Event()
        self._calm.set()
        self._draining = False
        self._stopped = asyncio.Event()
        self._committer = Committer[Attempt](store, clock, defaults, self._committed, self._refused)
        self._heartbeat = Heartbeat(store, clock, defaults, name, self._held, self._lost)
        self._reaper = Reaper(store, clock, defaults, name, self._time.now, self._is_ours)
        self._watcher = Watcher(store, clock)
        for is_async, slots in ((True, self._async_slots), (False, self._thread_slots)):
            tasks = [each for each, code in self._definitions.items() if code.is_async is is_async]
            if tasks:
                claimer = Claimer(
                    store, name, tasks, slots, clock, defaults, self._time, self._watcher.want, self.begin
                )
                self._watcher.claimers.append(claimer)

    @property
    def running(self) -> int:
        """How many bodies run."""
        return len(self._bodies)

    @property
    def idle(self) -> bool:
        """Whether nothing runs, nothing waits to be committed and nothing is being claimed."""
        return not self._bodies and self._is_calm()

    # For the scheduler, whose Steps may start attempts of this very worker.

    def reserve(self, task: str) -> bool:
        """Take a free slot of the task's kind; False when there is none, or draining, or an unknown task."""
        definition = self._definitions.get(task)
        return definition is not None and not self._draining and self._slots(definition.is_async).take(1) == 1

    def unreserve(self, task: str) -> None:
        """Give a reserved slot back."""
        self._slots(self._definitions[task].is_async).give()

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Start the bodies of attempts that are recorded as started by this worker; slots are taken before.

        While draining they are released instead.
        """
        loop = asyncio.get_running_loop()
        for each in claimed:
            self._time.see(each.record.time)
            definition = self._definitions[each.row.task]
            attempt = Attempt(self, each, definition, Hold(self._slots(definition.is_async), loop))
            self._bodies.add(attempt)
            # Taken out first: the order of this dict is the order of their beginnings.
            self._open.pop(each.row.invocation, None)
            self._open[each.row.invocation] = attempt
            if self._draining:
                attempt.ask_to_stop("released")
        if self._open:
            self._heartbeat.some.set()
        self._note_calm()

    def cancel_body(self, invocation: Id) -> bool:
        """Stop a body whose invocation was cancelled; its end is not appended. False where none runs here."""
        attempt = self._open.get(invocation)
        if attempt is None or attempt.decided:
            return False
        self._supersede(attempt)
        return True

    # Running.

    async def run(self) -> None:
        """Work until drained, or cancelled: then bodies are cancelled and their leases left to run out.

        Where it breaks it may be called again: ends that are not appended yet still wait.
        """
        try:
            async with asyncio.TaskGroup() as group:
                parts = [self._watcher.run, self._committer.run, self._heartbeat.run, self._reaper.run]
                parts += [claimer.run for claimer in self._watcher.claimers]
                loops = [group.create_task(part()) for part in parts]
                await self._stopped.wait()
                for each in loops:
                    each.cancel()
        finally:
            await self._clear()

    async def drain(self, grace_seconds: float) -> None:
        """Stop claiming, let bodies end within the grace, release the rest, commit all ends, and stop `run`.

        Calling it again with a shorter grace hurries the first call. Stop the scheduler first: what a Step
        still begins here is released.
        """
        self._draining = True
        for claimer in self._watcher.claimers:
            claimer.close()
        self._note_calm()
        await set_within(self._calm, self.clock, grace_seconds)
        for attempt in [*self._open.values()]:
            if not attempt.decided:
                attempt.ask_to_stop("released")
        await set_within(self._calm, self.clock, LAST_CHANCE_SECONDS)
        for attempt in [*self._open.values()]:
            attempt.give_up()
        if not await set_within(self._calm, self.clock, self.defaults.lease_seconds):
            _log.error("%d ends could not be committed: their leases run out", len(self._open))
        self._stopped.set()

    async def _clear(self) -> None:
        """Cancel the bodies that are left and wait for them, a while."""
        bodies = [*self._bodies]
        for attempt in bodies:
            if not attempt.decided:
                attempt.ask_to_stop("released")
        left = [attempt.task for attempt in bodies if attempt.definition.is_async]
        if left:
            sleeper = asyncio.ensure_future(self.clock.sleep(self.defaults.heartbeat_seconds))
            gone = asyncio.ensure_future(asyncio.wait(left))
            await asyncio.wait((sleeper, gone), return_when=asyncio.FIRST_COMPLETED)
            sleeper.cancel()
            gone.cancel()
        for attempt in bodies:
            attempt.give_up()
        self.offload.close()

    # What attempts, the committer and the heartbeat report.

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """Hand an attempt's end to the committer, buffered events with a success only."""
        buffered = attempt.current.close()
        fact = end_of(attempt.row, outcome, attempt.definition.options, self._time.now(), self.name)
        if isinstance(outcome, Raised):
            text = "attempt %d of %s (%s) ended %s: %s: %s"
            row, failure = attempt.row, outcome.failure
            _log.warning(text, row.attempt, row.task, row.invocation, fact.status, failure.type, failure.message)
        end = own_end(attempt.row, fact, buffered if isinstance(outcome, Returned) else ())
        self._committer.put(attempt, end)

    def came_back(self, attempt: Attempt) -> None:
        """Forget a body; its slot is free, unless too many ends wait to be committed."""
        self._bodies.discard(attempt)
        if attempt.committed:
            attempt.hold.close()
        elif self._slots(attempt.definition.is_async).lend():
            attempt.lent = True
            attempt.hold.close()

    def _committed(self, attempt: Attempt, effective: bool) -> None:
        if not effective:
            row = attempt.row
            _log.info("the end of attempt %d of %s (%s) came too late", row.attempt, row.task, row.invocation)
        self._close(attempt)

    def _refused(self, attempt: Attempt, error: Exception) -> None:
        """The store cannot take an end: record that instead, or, failing that too, leave it to the reaper."""
        if attempt.refused:
            self._close(attempt)
            return
        attempt.refused = True
        outcome = Raised(capture(error, self.defaults))
        fact = end_of(attempt.row, outcome, attempt.definition.options, self._time.now(), self.name)
        self._committer.put(attempt, own_end(attempt.row, fact))

    def _supersede(self, attempt: Attempt) -> None:
        attempt.ask_to_stop("superseded")
        self._close(attempt)

    def _close(self, attempt: Attempt) -> None:
        """Nothing more is to be appended for the attempt."""
        attempt.committed = True
        if self._open.get(attempt.row.invocation) is attempt:
            del self._open[attempt.row.invocation]
            self._note_calm()
        if attempt.lent:
            self._slots(attempt.definition.is_async).lent -= 1
        elif attempt.back:
            attempt.hold.close()

    def _held(self, before: float) -> list[Held]:
        """Return the attempts that began before a moment; they stand in the order in which they began."""
        held: list[Held] = []
        for attempt in self._open.values():
            if attempt.began > before:
                self._heartbeat.some.set()
                break
            held.append((attempt.row.invocation, attempt.row.attempt))
        return held

    def _lost(self, held: Held) -> None:
        """A lease is no longer ours: the body runs in vain. An end that waits is for the store to judge."""
        attempt = self._open.get(held[0])
        if attempt is not None and attempt.row.attempt == held[1] and not attempt.decided:
            _log.warning("the lease of attempt %d of %s (%s) is lost", held[1], attempt.row.task, held[0])
            self._supersede(attempt)

    def _is_ours(self, held: Held) -> bool:
        attempt = self._open.get(held[0])
        return attempt is not None and attempt.row.attempt == held[1]

    def _is_calm(self) -> bool:
        return not self._open and not any(each.claiming for each in self._watcher.claimers)

    def _note_calm(self) -> None:
        if self._is_calm():
            self._calm.set()
        else:
            self._calm.clear()

    def _slots(self, is_async: bool) -> Slots:
        return self._async_slots if is_async else self._thread_slots

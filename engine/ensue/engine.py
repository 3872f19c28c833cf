"""The engine: one namespace of one store, opened as a client or with its roles running in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import msgspec

from ensue.bound import running_in
from ensue.config import Settings, resolve
from ensue.connections import AsyncCaller
from ensue.drafting import Asked, ask, ask_with, event_draft, invocation_draft
from ensue.events import Event
from ensue.follow import Follower
from ensue.handles import Emitted, Handle
from ensue.ingest.declared import Events as IngestedEvents
from ensue.ingest.declared import Format, Ingest, Start, declare, declare_from_file
from ensue.program import Program, assemble
from ensue.queries import Events, Invocations, Problems, Runs, Triggers
from ensue.replay.told import Explanation
from ensue.resources import ResourceValues
from ensue.running import Role, Running
from ensue.settled import Settling
from ensue.stores import open_store
from ensue.sync import SyncEngine
from ensue.tasks import SubmitOptions, Task, Tasks, TaskWithOptions
from ensue.trace import Trace, tail, trace
from ensue.within import append_within
from ensue_core.clock import SYSTEM_CLOCK, Clock, from_datetime
from ensue_core.defaults import Defaults
from ensue_core.errors import (
    ConfigError,
    IdempotencyConflict,
    NotRunning,
    QueueFull,
)
from ensue_core.facts import EventEmitted, InvocationCancelled, InvocationCreated
from ensue_core.ids import Id, derive_from, parse_id
from ensue_core.ports import Appended, Store
from ensue_core.records import Draft, Record, draft
from ensue_core.values import decode

if TYPE_CHECKING:
    from typing import ParamSpec

    from ensue.replay.corrections import Corrections

    P = ParamSpec("P")

R = TypeVar("R")
T = TypeVar("T")

__all__ = ["Engine"]


class Engine(Tasks):
    """A namespace of a store, and the tasks that this program brings to it. Is itself a `Tasks`.

    ```python
    engine = Engine("sqlite:///shop.db", tasks=["shop.tasks"])
    async with engine:              # a client: emit, submit, query
    async with engine.running():    # a client, with scheduler, projector and worker in this process
    ```
    What is left out comes from the environment (`ENSUE_URL`, ...), then from `[tool.ensue]` in pyproject.toml.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        tasks: Sequence[Tasks | str] = (),
        app_id: str | None = None,
        service: str | None = None,
        defaults: Defaults | None = None,
        clock: Clock = SYSTEM_CLOCK,
        store: Store | None = None,
    ) -> None:
        super().__init__()
        self._given: dict[str, Any] = {"url": url, "app_id": app_id, "service": service, "defaults": defaults}
        self._sources: tuple[Tasks | str, ...] = (self, *tasks)
        self._settings: Settings | None = None
        self._program: Program | None = None
        self._store = store
        self._own_store = store is None
        self.clock = clock
        self.resources = ResourceValues()
        self._follower: Follower | None = None
        self._opened = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bound: list[Tasks] = []
        self._queue_checked = -1.0
        self._queue_look: asyncio.Future[int] | None = None
        self._running: Running | None = None
        self._sync: SyncEngine | None = None
        self._ingests: list[Ingest] = []

    def configure(self, **settings: Any) -> None:
        """Set what `ensue.config` knows over what the code says: how `ensue run --url ...` has the last word.

        None says nothing. Raises `ConfigError` where the engine is open already.
        """
        if self._opened:
            raise ConfigError("the engine is open: configure it before `async with engine:`")
        self._given.update({name: value for name, value in settings.items() if value is not None})
        self._settings = None

    def ingest(
        self,
        url: str,
        *,
        event: IngestedEvents | None = None,
        format: Format | None = None,
        code: str | None = None,
        name: str | None = None,
        start: Start | None = None,
    ) -> None:
        """Take a topic's records in as events: each once, whoever produced them, in whatever language.

        ```python
        engine.ingest("kafka://broker:9092/orders?format=cloudevents", event=order_paid)
        ```
        One reader of the topic feeds all triggers; processes with the role `ingester` share its partitions. `event`
        names the event, several, or by a CloudEvent's type which one it is; payloads of an `Event` are checked for
        its type. Of `format="json"`, `code` says where a record names its event ("field:kind", "header:kind",
        "topic"). `name` is what the topic is called here, by default its own name; `start` where the first reading
        begins. All but `event` may stand in the URL. Raises `ConfigError` where it is written by half.
        """
        if self._opened:
            raise ConfigError("the engine is open: declare what it takes in before `async with engine:`")
        self._ingests.append(declare(url, event, format=format, code=code, name=name, start=start))

    # What it is made of.

    @property
    def ingests(self) -> Sequence[Ingest]:
        """The topics to take in, from the code and from `[tool.ensue.ingest]`. Raises `ConfigError`."""
        found = [*self._ingests]
        found += [declare_from_file(name, value, where) for name, (value, where) in self.settings.ingest.items()]
        names = [each.name for each in found]
        for each in names:
            if names.count(each) > 1:
                raise ConfigError(f"two topics are called {each!r}: give one of them another name=")
        return found

    @property
    def settings(self) -> Settings:
        """The settings in force, and where each came from. Raises `ConfigError`."""
        if self._settings is None:
            self._settings = resolve(**{name: value for name, value in self._given.items() if value is not None})
        return self._settings

    @property
    def namespace(self) -> str:
        """The namespace, `app_id`: nothing crosses it."""
        return self.settings.app_id

    @property
    def service(self) -> str:
        """Which chain of Steps this program's triggers are decided in."""
        return self.settings.service

    @property
    def defaults(self) -> Defaults:
        """The numbers in force."""
        return self.settings.defaults

    @property
    def program(self) -> Program:
        """The tasks and triggers, checked and put together. Raises `DeclarationError` and `ModuleNotLoaded`."""
        if self._program is None:
            self._program = assemble(self._sources)
        return self._program

    @property
    def store(self) -> Store:
        """The opened store. Raises `NotRunning`."""
        if not self._opened or self._store is None:
            raise NotRunning("this")
        return self._store

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop it is open on."""
        return self._loop

    # Opening.

    async def __aenter__(self) -> Self:
        """Open the store and bind the tasks; entering again while open counts."""
        if not self._opened:
            program = self.program
            if self._store is None:
                self._store = open_store(self.settings.url, self.namespace, self.clock)
            await self._store.open()
            self._loop = asyncio.get_running_loop()
            self._follower = Follower(self._store, self.defaults)
            for each in program.sources:
                each.bindings.add(self)
                self._bound.append(each)
        self._opened += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what the first enter opened, on the last exit."""
        self._opened -= 1
        if self._opened:
            return
        for each in self._bound:
            each.bindings.remove(self)
        self._bound.clear()
        assert self._follower is not None
        assert self._store is not None
        await self._follower.close()
        await self._store.close()
        if self._own_store:
            self._store = None
        self._loop = None

    def running(self, **options: Any) -> AbstractAsyncContextManager[Self]:
        """Open, and run scheduler, projector and worker in this process until the block ends.

        Takes the options of `serve`. On exit bodies get `shutdown_grace_seconds` to finish. Raises what makes
        declaring impossible (`AnotherProgram`, `StartNeeded`).
        """
        return self._run_roles(**options)

    @asynccontextmanager
    async def _run_roles(self, grace_seconds: float | None = None, **options: Any) -> AsyncGenerator[Self, None]:
        grace = self.defaults.shutdown_grace_seconds if grace_seconds is None else grace_seconds
        async with self:
            running = Running(self, **options)
            begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            ending = asyncio.Event()
            # The roles live in a task of their own: this block may be left from another task than entered it.
            owner = asyncio.create_task(_own(running, begun, ending, grace), name="ensue-running")
            try:
                await asyncio.shield(begun)
                self._running = running
                yield self
            finally:
                self._running = None
                ending.set()
                await _finish(owner)

    async def serve(
        self,
        *,
        only: Collection[Role] | None = None,
        async_slots: int | None = None,
        thread_slots: int | None = None,
        grace_seconds: float | None = None,
        replace: bool = False,
        stop: asyncio.Event | None = None,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """Run roles until `stop` is set (for ever without one), then drain: what `ensue run` does.

        `only` names roles (scheduler, projectors, worker); None runs all three.
        """
        roles = self._run_roles(
            grace_seconds, only=only, async_slots=async_slots, thread_slots=thread_slots, replace=replace
        )
        async with roles:
            if ready is not None:
                ready()
            assert self._running is not None
            lost = self._running.lost
            await _first(stop or asyncio.Event(), lost)
        if lost.done():
            raise lost.result()

    def lifespan(self, app: object = None) -> AbstractAsyncContextManager[None]:
        """An ASGI lifespan: opens the engine as a client while the application runs."""
        return self._lifespan()

    @asynccontextmanager
    async def _lifespan(self) -> AsyncGenerator[None, None]:
        async with self:
            yield

    async def declare(self, *, replace: bool = False) -> None:
        """Declare this program's whole set of triggers, in a Step, as a deploy's last act."""
        from ensue.scheduler.asking import InlineAsker
        from ensue.scheduler.scheduler import Scheduler

        scheduler = Scheduler(
            self.store, self.program, self.store.clock, self.defaults,
            service=self.service, process="declare", asker=InlineAsker(), replace=replace,
        )  # fmt: skip
        await scheduler.declare()

    @property
    def sync(self) -> SyncEngine:
        """The same calls for threads and code without a loop."""
        if self._sync is None:
            self._sync = SyncEngine(self)
        return self._sync

    # Events.

    @overload
    async def emit(
        self, event: Event[T], payload: T, *, idempotency_key: str | None = None, correlation_id: str | None = None,
        causation_id: str | None = None, traceparent: str | None = None, connection: AsyncCaller | None = None,
    ) -> Emitted: ...  # fmt: skip
    @overload
    async def emit(
        self, event: str, payload: object = ..., *, idempotency_key: str | None = None,
        correlation_id: str | None = None, causation_id: str | None = None, traceparent: str | None = None,
        connection: AsyncCaller | None = None,
    ) -> Emitted: ...  # fmt: skip
    async def emit(
        self,
        event: Event[Any] | str,
        payload: object = None,
        *,
        idempotency_key: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        traceparent: str | None = None,
        connection: AsyncCaller | None = None,
    ) -> Emitted:
        """Append an event; durable on return, also where a caller's task is cancelled meanwhile or not at all.

        An equal key returns the event of the first time (`duplicate`); inside a task an unkeyed event that a
        retry emits again is the same event too. Raises `BadValue` and `IdempotencyConflict`.

        With `connection`, an asyncpg connection or a SQLAlchemy `AsyncSession` or `AsyncConnection` on the
        database of a Postgres store, the event is part of the transaction that is open there: durable at your
        commit, gone with your rollback. Keys that committed transactions have used answer as ever. One that a
        transaction uses at the same time, or this one has used before, cannot be known yet: as the events
        enter the log the first counts, an equal one adds nothing, and one with another payload is parked with
        the reason (`ensue doctor`). Raises `BadConnection`.
        """
        said = event_draft(self.namespace, event, payload, idempotency_key, correlation_id, causation_id, traceparent)
        (appended,) = await self._append([said], connection)
        return self.emitted(said, appended)

    @overload
    async def emit_many(
        self, event: Event[T], payloads: Sequence[T], *, connection: AsyncCaller | None = None
    ) -> Sequence[Emitted]: ...
    @overload
    async def emit_many(
        self, event: str, payloads: Sequence[object], *, connection: AsyncCaller | None = None
    ) -> Sequence[Emitted]: ...
    async def emit_many(
        self, event: Event[Any] | str, payloads: Sequence[Any], *, connection: AsyncCaller | None = None
    ) -> Sequence[Emitted]:
        """Append events in one durable batch: all of them or, where it raises, none. `connection`: see `emit`."""
        if not payloads:
            return []
        drafts = [event_draft(self.namespace, event, payload) for payload in payloads]
        appended = await self._append(drafts, connection)
        return [self.emitted(said, each) for said, each in zip(drafts, appended, strict=True)]

    def emitted(self, said: Draft, appended: Appended) -> Emitted:
        """Return what an emit answers. Raises `IdempotencyConflict`."""
        fact = said.fact
        assert isinstance(fact, EventEmitted)
        if appended.conflict:
            raise IdempotencyConflict(f"event {fact.code}", fact.key or said.id)
        if appended.pending:
            return Emitted(self, said.id, 0, False, after=appended.position)
        return Emitted(self, said.id, appended.position, appended.duplicate)

    async def _append(self, drafts: Sequence[Draft], connection: object) -> Sequence[Appended]:
        if connection is None:
            return await self.store.log.append(drafts)
        return await append_within(self.store, connection, drafts)

    # Invocations.

    async def submit(
        self,
        task: Task[P, R] | TaskWithOptions[P, R] | str,
        /,
        *args: Any,
        connection: Any = None,
        **kwargs: Any,
    ) -> Handle[R]:
        """Create an invocation of a task; durable on return. Names the engine where several are open.

        A task of another program may be named by text; its arguments are then keywords, unchecked. With
        `connection`, the invocation is part of the transaction that is open there: see `emit`. (A parameter of
        the task that has this name gets the value; say `task.options(connection=...)` then.)
        """
        return await self._submit(ask(self.program, task, args, kwargs, connection))

    async def submit_task(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: SubmitOptions
    ) -> Handle[Any]:
        """Create an invocation: what `task.submit(...)` comes down to."""
        return await self._submit(ask_with(options, self.program, task.name, args, kwargs))

    async def _submit(self, asked: Asked) -> Handle[Any]:
        await self.check_queue()
        said = invocation_draft(self.namespace, asked)
        (appended,) = await self._append([said], asked.options.connection)
        return self.submitted(said, appended)

    def submitted(self, said: Draft, appended: Appended) -> Handle[Any]:
        """Return what a submit answers. Raises `IdempotencyConflict`."""
        fact = said.fact
        assert isinstance(fact, InvocationCreated)
        if appended.conflict:
            raise IdempotencyConflict(f"task {fact.task}", fact.key or said.id)
        after = appended.position - (not appended.pending)
        return Handle(
            self, said.id, task=fact.task, after=after, duplicate=appended.duplicate, pending=appended.pending
        )

    async def check_queue(self) -> None:
        """Refuse to queue past the bound; looks a few times a second, so the bound is a soft one."""
        if self.clock.monotonic() - self._queue_checked < self.defaults.poll_seconds:
            return
        if self._queue_look is None:
            self._queue_look = asyncio.ensure_future(self._look_at_queue())
            self._queue_look.add_done_callback(_seen)
        queued = await asyncio.shield(self._queue_look)
        if queued >= self.defaults.queued_max:
            raise QueueFull(queued, self.defaults.queued_max)

    async def _look_at_queue(self) -> int:
        """Count what is queued, once for all who ask meanwhile."""
        now = self.clock.monotonic()
        try:
            queued = await self.store.work.queued()
        finally:
            self._queue_look = None
        if queued < self.defaults.queued_max:
            self._queue_checked = now
        return queued

    def handle(self, invocation: str, result_type: Any = None) -> Handle[Any]:
        """Return the handle of an invocation by its id; whether it exists shows when it is asked."""
        return Handle(self, parse_id(invocation))

    def enter(self) -> None:
        """Make this the engine of the context it is called in; the worker calls it in each body's."""
        running_in.set(self)

    async def cancel(self, invocation: str, *, reason: str = "", author: str = "") -> bool:
        """Cancel an invocation; False where it has ended. Raises `NotFound`."""
        id = parse_id(invocation)
        row = await self.store.work.get(id)
        if row is None:
            if (await self.invocations.get(id)).ended_position:
                return False
            row = await self.store.work.get(id)  # it had not entered the log yet
        if row is None:
            return False
        fact = InvocationCancelled(id, row.task, row.created, author, reason, row.depth)
        done = await self.store.work.cancel(draft(derive_from(id, "cancelled"), fact, cause=id, root=row.root))
        if done and self._running is not None and self._running.worker is not None:
            self._running.worker.cancel_body(id)
        return done

    # What handles and emitted events wait for.

    async def ending_of(self, invocation: Id, after: int | None) -> Record:
        """Return the record that ends an invocation, once it is there. Raises `NotFound`."""
        assert self._follower is not None
        if after is None:
            found = await self.invocations.get(invocation)
            if found.ended_position:
                return (await self.store.log.read_at([found.ended_position]))[found.ended_position]
            after = found.position - 1
        return await self._follower.end_of(invocation, after)

    async def settle(self, tracker: Settling, after: int) -> None:
        """Wait until a tracker has seen all that its record, somewhere past a position, caused."""
        assert self._follower is not None
        for row in await self.store.decisions.chains():
            chain = await self.store.decisions.load(row.service)
            step = await self.store.log.find(chain.row.step)
            tracker.know(chain, step.position if step is not None else 0)
        await self._follower.track(tracker, after)

    def decode_result(self, task: str, raw: msgspec.Raw | None) -> Any:
        """Return a stored result, typed where the task's code is here."""
        if raw is None:
            return None
        definition = self.program.tasks.get(task)
        return decode(raw) if definition is None else definition.decode_result(raw)

    def raises_of(self, task: str) -> tuple[type[BaseException], ...]:
        """Return the exception classes that a task declares with `raises=`."""
        definition = self.program.tasks.get(task)
        return () if definition is None else definition.options.raises

    # Looking.

    @property
    def events(self) -> Events:
        """Events, and what came of them."""
        return Events(self.store)

    @property
    def runs(self) -> Runs:
        """Trigger runs, and who took part."""
        return Runs(self.store)

    @property
    def invocations(self) -> Invocations:
        """Invocations, and how they went."""
        return Invocations(self.store)

    @property
    def triggers(self) -> Triggers:
        """Triggers: look, pause, resume, fire by hand."""
        return Triggers(self.store, self.service, self.program if self._sources else None)

    @property
    def problems(self) -> Problems:
        """What triggers could not do: failed filters and runs, expired windows, skipped slots, pauses."""
        return Problems(self.store)

    @property
    def corrections(self) -> Corrections:
        """Correction after the fact: emit again, retry, cancel, ask again; each a fact with its author."""
        from ensue.replay.corrections import Corrections
        from ensue.scheduler.asking import InlineAsker, ThreadAsker

        clock, defaults = self.store.clock, self.defaults
        real = self.clock is SYSTEM_CLOCK
        return Corrections(
            self.store, self.program, defaults, lambda: ThreadAsker(clock, defaults) if real else InlineAsker()
        )

    async def trace(self, id: str) -> Trace:
        """Return what caused an event, run or invocation and what it caused. Raises `NotFound`."""
        return await trace(self.store, parse_id(id))

    def as_of(
        self, when: int | datetime, progress: Callable[[int, int], None] | None = None
    ) -> AbstractAsyncContextManager[Engine]:
        """Open this namespace as it stood at a position of the log or at a time, for looking alone.

        ```python
        async with engine.as_of(datetime(2026, 11, 23, 4, tzinfo=UTC)) as then:
            waiting = await then.triggers.get("shop.pack/both")
        ```
        It is folded from the log's beginning, which takes a while where the log is long. This engine need not be
        open for it. Raises `BadQuery` for a position past the end.
        """
        return self._as_of(when, progress)

    @asynccontextmanager
    async def _as_of(
        self, when: int | datetime, progress: Callable[[int, int], None] | None
    ) -> AsyncGenerator[Engine, None]:
        from ensue.replay.as_of import past_store, position_of

        own = self._store if self._store is not None else open_store(self.settings.url, self.namespace, self.clock)
        archive = own.archive()
        await archive.open()
        try:
            at = when if isinstance(when, int) else await position_of(archive, from_datetime(when))
            async with past_store(archive, at, self.clock, progress) as store:
                then = Engine(
                    self.settings.url, app_id=self.namespace, service=self.service, clock=store.clock, store=store
                )
                then._program = self.program
                async with then:
                    yield then
        finally:
            await archive.close()

    async def explain(
        self,
        trigger: str | None = None,
        *,
        event: str | None = None,
        key: str | None = None,
        at: datetime | None = None,
        invocation: str | None = None,
    ) -> Explanation:
        """Say why a trigger fired or did not, and what would have made it fire; or why an invocation has not ended.

        Of a trigger, one thing is asked: what became of an event (or of an invocation's changes, by its id), what
        waits under a key of a join, or what it did at a time. What the log does not tell, the declared conditions
        are asked again; nothing is written. Raises `BadQuery`, `BadId` and `NotFound`.
        """
        from ensue.replay.asking import explain

        return await explain(
            self.store, self.program, self.service, self.defaults, trigger, event, key, at, invocation,
            threads=self.clock is SYSTEM_CLOCK,
        )  # fmt: skip

    def tail(self, after: int | None = None, kinds: Collection[str] | None = None) -> AsyncIterator[Record]:
        """Follow the log from a position, or from its end."""
        return tail(self.store, after=after, kinds=kinds)


async def _first(stop: asyncio.Event, lost: asyncio.Future[Any]) -> None:
    """Wait until a process is asked to stop, or has to."""
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({asked, lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()


async def _own(running: Running, begun: asyncio.Future[None], ending: asyncio.Event, grace: float) -> None:
    """Start roles, wait for the end, stop them: all in one task."""
    try:
        try:
            await running.start()
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
            return
        begun.set_result(None)
        await ending.wait()
    finally:
        await running.stop(grace)


async def _finish(owner: asyncio.Task[None]) -> None:
    """Wait for the owner; a cancelled caller hurries it up and still waits until it has let go."""
    try:
        await asyncio.shield(owner)
    except asyncio.CancelledError:
        owner.cancel()
        with suppress(asyncio.CancelledError):
            await owner
        raise


def _seen(look: asyncio.Future[int]) -> None:
    """Whoever waits for it sees its error; where all have given up, nobody wants to know."""
    if not look.cancelled():
        look.exception()

"""The engine: one namespace of one store, opened as a client or with its roles running in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import msgspec

from ensue.bound import running_in
from ensue.config import Settings, resolve
from ensue.current import current_or_none, derive_emit_id, derive_submit_id
from ensue.events import Event
from ensue.follow import Follower
from ensue.handles import Emitted, Handle
from ensue.ingest.declared import Events as IngestedEvents
from ensue.ingest.declared import Format, Ingest, Start, declare, declare_from_file
from ensue.payloads import encode_payload
from ensue.program import Program, assemble
from ensue.queries import Events, Invocations, Problems, Runs, Triggers
from ensue.resources import ResourceValues
from ensue.running import Role, Running
from ensue.settled import Settling
from ensue.stores import open_store
from ensue.sync import SyncEngine
from ensue.tasks import SubmitOptions, Task, Tasks
from ensue.trace import Trace, tail, trace
from ensue_core.clock import SYSTEM_CLOCK, Clock
from ensue_core.defaults import Defaults
from ensue_core.errors import (
    ArgumentsMismatch,
    BadValue,
    ConfigError,
    IdempotencyConflict,
    NotRunning,
    QueueFull,
    UnknownTask,
)
from ensue_core.facts import EventEmitted, InvocationCancelled, InvocationCreated
from ensue_core.ids import Id, derive_from, derive_keyed, new_id, parse_id
from ensue_core.ports import Appended, Store
from ensue_core.records import Draft, Record, draft
from ensue_core.values import decode

if TYPE_CHECKING:
    from typing import ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")
T = TypeVar("T")

__all__ = ["Engine"]

KEY_MAX = 512
"""How long an idempotency key may be, in characters."""


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
            await (stop or asyncio.Event()).wait()

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
            self.store, self.program, self.clock, self.defaults,
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
        causation_id: str | None = None, traceparent: str | None = None,
    ) -> Emitted: ...  # fmt: skip
    @overload
    async def emit(
        self, event: str, payload: object = ..., *, idempotency_key: str | None = None,
        correlation_id: str | None = None, causation_id: str | None = None, traceparent: str | None = None,
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
    ) -> Emitted:
        """Append an event; durable on return, also where a caller's task is cancelled meanwhile or not at all.

        An equal key returns the event of the first time (`duplicate`); inside a task an unkeyed event that a
        retry emits again is the same event too. Raises `BadValue` and `IdempotencyConflict`.
        """
        said = self._event(event, payload, idempotency_key, correlation_id, causation_id, traceparent)
        (appended,) = await self.store.log.append([said])
        return self._emitted(said, appended)

    @overload
    async def emit_many(self, event: Event[T], payloads: Sequence[T]) -> Sequence[Emitted]: ...
    @overload
    async def emit_many(self, event: str, payloads: Sequence[object]) -> Sequence[Emitted]: ...
    async def emit_many(self, event: Event[Any] | str, payloads: Sequence[Any]) -> Sequence[Emitted]:
        """Append events in one durable batch: all of them or, where it raises, none."""
        if not payloads:
            return []
        drafts = [self._event(event, payload, None, None, None, None) for payload in payloads]
        appended = await self.store.log.append(drafts)
        return [self._emitted(said, each) for said, each in zip(drafts, appended, strict=True)]

    def _event(
        self,
        event: Event[Any] | str,
        payload: object,
        key: str | None,
        correlation: str | None,
        causation: str | None,
        traceparent: str | None,
    ) -> Draft:
        code, raw = encode_payload(event, {} if payload is None and isinstance(event, str) else payload)
        task = current_or_none()
        if key is not None:
            id = derive_keyed("event", self.namespace, code, _checked_key(key))
        elif task is not None:
            id = derive_emit_id(task, code, raw)
        else:
            id = new_id()
        fact = EventEmitted(
            code,
            msgspec.Raw(raw),
            key,
            emitter=task.id if task else None,
            emitter_task=task.task if task else None,
            correlation=correlation,
            causation=causation,
            traceparent=traceparent,
            depth=task.depth if task else 0,
        )
        cause = causation or (task.id if task else None)
        root = correlation or (task.root if task else None)
        return draft(id, fact, cause=cause, root=root, repeatable=key is not None or task is not None)

    def _emitted(self, said: Draft, appended: Appended) -> Emitted:
        fact = said.fact
        assert isinstance(fact, EventEmitted)
        if appended.conflict:
            raise IdempotencyConflict(f"event {fact.code}", fact.key or said.id)
        return Emitted(self, said.id, appended.position, appended.duplicate)

    # Invocations.

    async def submit(self, task: Task[P, R] | str, /, *args: Any, **kwargs: Any) -> Handle[R]:
        """Create an invocation of a task; durable on return. Names the engine where several are open.

        A task of another program may be named by text; its arguments are then keywords, unchecked.
        """
        if isinstance(task, str) and task not in self.program.tasks:
            if args:
                raise ArgumentsMismatch(task, "a task whose code is not here takes keywords only")
            return await self._create(task, _encode_unchecked(task, kwargs), SubmitOptions())
        name = task if isinstance(task, str) else task.name
        return await self.submit_task(self._task_of(name), args, kwargs, SubmitOptions())

    def _task_of(self, name: str) -> Task[..., Any]:
        for source in self.program.sources:
            if name in source.declared_tasks:
                return source.declared_tasks[name]
        raise UnknownTask(name, "submit", tuple(self.program.tasks))

    async def submit_task(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: SubmitOptions
    ) -> Handle[Any]:
        """Create an invocation: what `task.submit(...)` comes down to."""
        definition = self.program.tasks.get(task.name)
        if definition is None:
            raise UnknownTask(task.name, "submit", tuple(self.program.tasks))
        return await self._create(task.name, definition.encode(args, kwargs), options)

    async def _create(self, task: str, arguments: bytes, options: SubmitOptions) -> Handle[Any]:
        await self._check_queue()
        key = options.idempotency_key
        within = current_or_none()
        if key is not None:
            id = derive_keyed("invocation", self.namespace, task, _checked_key(key))
        elif within is not None:
            id = derive_submit_id(within, task, arguments)
        else:
            id = new_id()
        fact = InvocationCreated(
            task,
            msgspec.Raw(arguments),
            key,
            emitter=within.id if within else None,
            correlation=options.correlation_id,
            depth=within.depth + 1 if within else 0,
        )
        said = draft(
            id,
            fact,
            cause=options.causation_id or (within.id if within else None),
            root=options.correlation_id or (within.root if within else None),
            repeatable=key is not None or within is not None,
        )
        (appended,) = await self.store.log.append([said])
        if appended.conflict:
            raise IdempotencyConflict(f"task {task}", key or id)
        return Handle(self, id, task=task, after=appended.position - 1, duplicate=appended.duplicate)

    async def _check_queue(self) -> None:
        """Refuse to queue past the bound; looks a few times a second, so the bound is a soft one."""
        now = self.clock.monotonic()
        if now - self._queue_checked < self.defaults.poll_seconds:
            return
        queued = await self.store.work.queued()
        if queued >= self.defaults.queued_max:
            raise QueueFull(queued, self.defaults.queued_max)
        self._queue_checked = now

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
            await self.invocations.get(id)
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

    async def settle(self, tracker: Settling, position: int) -> None:
        """Wait until a tracker has seen all that its record caused."""
        assert self._follower is not None
        for row in await self.store.decisions.chains():
            chain = await self.store.decisions.load(row.service)
            step = await self.store.log.find(chain.row.step)
            tracker.know(chain, step.position if step is not None else 0)
        await self._follower.track(tracker, position - 1)

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

    async def trace(self, id: str) -> Trace:
        """Return what caused an event, run or invocation and what it caused. Raises `NotFound`."""
        return await trace(self.store, parse_id(id))

    def tail(self, after: int | None = None, kinds: Collection[str] | None = None) -> AsyncIterator[Record]:
        """Follow the log from a position, or from its end."""
        return tail(self.store, after=after, kinds=kinds)


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


def _checked_key(key: str) -> str:
    if not key or len(key) > KEY_MAX:
        raise BadValue(f"idempotency key {key[:40]!r} has {len(key)} characters: use 1 to {KEY_MAX}")
    return key


def _encode_unchecked(task: str, arguments: dict[str, Any]) -> bytes:
    from ensue_core.values import encode

    return encode(arguments, f"arguments of {task}")

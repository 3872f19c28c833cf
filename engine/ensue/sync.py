"""The engine for threads and for code without a loop: the same calls, blocking."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ensue.connections import SyncCaller
from ensue.drafting import ask, event_draft, invocation_draft
from ensue.within import append_within_blocking
from ensue_core.errors import NotRunning
from ensue_core.ports import Appended
from ensue_core.records import Draft

if TYPE_CHECKING:
    from typing import ParamSpec

    from ensue.engine import Engine
    from ensue.events import Event
    from ensue.handles import Emitted, Handle
    from ensue.tasks import Task, TaskWithOptions

    P = ParamSpec("P")

T = TypeVar("T")

__all__ = ["SyncEngine"]


class SyncEngine:
    """Blocking calls to an engine.

    Where the engine is open on a loop, they run there, called from any other thread. Where it is not, they
    open it on a loop of their own in a thread; `close()` (or `with engine.sync:`) lets go of that.

    `connection` is a SQLAlchemy `Session` or `Connection`, or a psycopg `Connection`, with an open transaction:
    the statement runs there, in the calling thread, and comes and goes with it as `Engine.emit` says.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> SyncEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @overload
    def emit(
        self, event: Event[T], payload: T, *, idempotency_key: str | None = None, correlation_id: str | None = None,
        causation_id: str | None = None, traceparent: str | None = None, connection: SyncCaller | None = None,
    ) -> Emitted: ...  # fmt: skip
    @overload
    def emit(
        self, event: str, payload: object = ..., *, idempotency_key: str | None = None,
        correlation_id: str | None = None, causation_id: str | None = None, traceparent: str | None = None,
        connection: SyncCaller | None = None,
    ) -> Emitted: ...  # fmt: skip
    def emit(
        self,
        event: Event[Any] | str,
        payload: object = None,
        *,
        idempotency_key: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        traceparent: str | None = None,
        connection: SyncCaller | None = None,
    ) -> Emitted:
        """Append an event; durable on return, or with the commit of `connection`. Raises as `Engine.emit` does."""
        self._where()
        said = event_draft(
            self._engine.namespace, event, payload, idempotency_key, correlation_id, causation_id, traceparent
        )
        (appended,) = self._append([said], connection)
        return self._engine.emitted(said, appended)

    @overload
    def emit_many(
        self, event: Event[T], payloads: Sequence[T], *, connection: SyncCaller | None = None
    ) -> Sequence[Emitted]: ...
    @overload
    def emit_many(
        self, event: str, payloads: Sequence[object], *, connection: SyncCaller | None = None
    ) -> Sequence[Emitted]: ...
    def emit_many(
        self, event: Event[Any] | str, payloads: Sequence[Any], *, connection: SyncCaller | None = None
    ) -> Sequence[Emitted]:
        """Append events in one durable batch."""
        if not payloads:
            return []
        self._where()
        drafts = [event_draft(self._engine.namespace, event, payload) for payload in payloads]
        appended = self._append(drafts, connection)
        return [self._engine.emitted(said, each) for said, each in zip(drafts, appended, strict=True)]

    def submit(
        self,
        task: Task[P, T] | TaskWithOptions[P, T] | str,
        /,
        *args: Any,
        connection: Any = None,
        **kwargs: Any,
    ) -> Handle[T]:
        """Create an invocation; durable on return, or with the commit of `connection`."""
        asked = ask(self._engine.program, task, args, kwargs, connection)
        self.call(self._engine.check_queue())
        said = invocation_draft(self._engine.namespace, asked)
        (appended,) = self._append([said], asked.options.connection)
        return self._engine.submitted(said, appended)

    def result(self, handle: Handle[T], *, timeout: float | None = None) -> T:
        """Wait for an invocation's result, as `Handle.result` does."""
        return self.call(handle.result(timeout=timeout))

    def settled(self, emitted: Emitted, *, timeout: float) -> None:
        """Wait until all that an event caused has ended."""
        self.call(emitted.settled(timeout))

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run any of the engine's coroutines to its end. Raises `NotRunning` on the engine's own loop."""
        try:
            loop = self._where()
        except BaseException:
            coroutine.close()
            raise
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def _append(self, drafts: Sequence[Draft], connection: object) -> Sequence[Appended]:
        store = self._engine.store
        if connection is None:
            return self.call(store.log.append(drafts))
        return append_within_blocking(store, connection, drafts, self.call)

    def _where(self) -> asyncio.AbstractEventLoop:
        open_on = self._engine.loop
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if open_on is not None and open_on is here:
            raise NotRunning("a blocking call on the engine's own loop would wait for itself: await engine's calls; it")
        return open_on if open_on is not None else self._own_loop()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="ensue-sync", daemon=True)
                thread.start()
                try:
                    asyncio.run_coroutine_threadsafe(self._engine.__aenter__(), loop).result()
                except BaseException:
                    loop.call_soon_threadsafe(loop.stop)
                    thread.join()
                    loop.close()
                    raise
                self._loop, self._thread = loop, thread
            return self._loop

    def close(self) -> None:
        """Close the engine where these calls opened it; repeating it does nothing."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._engine.__aexit__(None, None, None), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

"""The engine for threads and for code without a loop: the same calls, blocking."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ensue_core.errors import NotRunning

if TYPE_CHECKING:
    from ensue.engine import Engine
    from ensue.handles import Emitted, Handle
    from ensue.tasks import Task

T = TypeVar("T")

__all__ = ["SyncEngine"]


class SyncEngine:
    """Blocking calls to an engine.

    Where the engine is open on a loop, they run there, called from any other thread. Where it is not, they
    open it on a loop of their own in a thread; `close()` (or `with engine.sync:`) lets go of that.
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

    def emit(self, event: Any, payload: object = None, **options: Any) -> Emitted:
        """Append an event; durable on return. Takes what `Engine.emit` takes."""
        return self.call(self._engine.emit(event, payload, **options))

    def emit_many(self, event: Any, payloads: Any) -> Any:
        """Append events in one durable batch."""
        return self.call(self._engine.emit_many(event, payloads))

    def submit(self, task: Task[..., T] | str, /, *args: Any, **kwargs: Any) -> Handle[T]:
        """Create an invocation; durable on return."""
        return self.call(self._engine.submit(task, *args, **kwargs))

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

"""How declarations reach an engine that is open: `task.submit(...)` and `pool()` name none.

An engine adds itself to every `Tasks` it was given while it is open. Inside a task the engine that runs it
answers, whatever else is open.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from ensue_core.errors import ConfigError, NotRunning

if TYPE_CHECKING:
    from ensue.handles import Handle
    from ensue.resources import ResourceValues
    from ensue.tasks import SubmitOptions, Task

__all__ = ["Bindings", "Runtime", "running_in"]


class Runtime(Protocol):
    """What declarations need from an open engine."""

    @property
    def resources(self) -> ResourceValues:
        """The values of the resources it opened."""
        ...

    async def submit_task(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], options: SubmitOptions
    ) -> Handle[Any]:
        """Create an invocation of the task."""
        ...


running_in: ContextVar[Runtime | None] = ContextVar("ensue.running_in", default=None)
"""The engine that runs the current task; its worker sets it around each body."""


class Bindings:
    """The engines that are open on one `Tasks`."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: list[Runtime] = []

    def add(self, engine: Runtime) -> None:
        """Bind an engine that opens; once more does nothing."""
        if not any(each is engine for each in self._open):
            self._open.append(engine)

    def remove(self, engine: Runtime) -> None:
        """Release an engine that closes; one that is not bound does nothing."""
        self._open = [each for each in self._open if each is not engine]

    def one(self, what: str) -> Runtime:
        """Return the engine to use: the one that runs the current task, else the only one open.

        `what` names the call in errors. Raises `NotRunning` where none is open, `ConfigError` where
        several are.
        """
        running = running_in.get()
        if running is not None and (not self._open or any(each is running for each in self._open)):
            return running
        if len(self._open) == 1:
            return self._open[0]
        if not self._open:
            raise NotRunning(what)
        raise ConfigError(
            f"{what} could mean any of {len(self._open)} open engines: say which, engine.submit(task, ...)"
        )

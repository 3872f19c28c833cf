"""What a worker needs of the program and of the engine, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Handles = Callable[[str, Any], Any]
"""Makes the handle of an invocation from its id and the type of its result."""


class Options(Protocol):
    """How a task is run; durations are seconds."""

    @property
    def max_retries(self) -> int:
        """How many times a body that raised is tried again."""
        ...

    @property
    def retry_for(self) -> tuple[type[BaseException], ...]:
        """The exceptions that are worth another try."""
        ...

    @property
    def retry_first_seconds(self) -> float:
        """The bound of the first delay; each further one is twice as long."""
        ...

    @property
    def retry_longest_seconds(self) -> float:
        """The bound of every delay."""
        ...

    @property
    def timeout_seconds(self) -> float | None:
        """How long a body may run."""
        ...


class Definition(Protocol):
    """A task's code."""

    @property
    def name(self) -> str:
        """The task's name."""
        ...

    @property
    def function(self) -> Callable[..., Any]:
        """The plain function."""
        ...

    @property
    def is_async(self) -> bool:
        """Whether it runs on the loop; a thread otherwise."""
        ...

    @property
    def options(self) -> Options:
        """How it is run."""
        ...

    def decode(self, raw: bytes, handles: Handles) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return stored arguments, typed, by place and by name; raises where they do not fit."""
        ...

    def encode_result(self, value: Any) -> bytes:
        """Return the bytes a result is stored as; raises where it cannot be."""
        ...


class Program(Protocol):
    """The tasks whose code this process has."""

    @property
    def tasks(self) -> Mapping[str, Definition]:
        """Tasks by name."""
        ...


class Binder(Protocol):
    """What binds a body to its engine."""

    def handle(self, invocation: str, result_type: Any, /) -> Any:
        """Return the handle of an invocation, for a parameter that is annotated as one."""
        ...

    def enter(self) -> None:
        """Set the engine's context variables; called first thing in each body's own context."""
        ...

"""A stand-in until the runtime brings its own: what the declaration side needs to know of a handle."""

from __future__ import annotations

from typing import Generic, TypeVar

from ensue_core.statuses import Status

__all__ = ["Handle"]

R_co = TypeVar("R_co", covariant=True)


class Handle(Generic[R_co]):
    """One invocation, by its id."""

    __slots__ = ("id",)

    def __init__(self, id: str) -> None:
        self.id = id

    def __ensue_value__(self) -> str:
        return self.id

    async def status(self) -> Status:
        """Ask for the status."""
        raise NotImplementedError

    async def result(self, *, timeout: float | None = None) -> R_co:
        """Wait for the result."""
        raise NotImplementedError

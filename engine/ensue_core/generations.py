"""Generations of the query views: one is live, one may be folded beside it, and the one before is kept."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from ensue_core.ports import Cursor, Views

GenerationState = Literal["live", "kept", "beside"]


class Generation(msgspec.Struct, frozen=True):
    """One set of rows of the query views. `cursor` of None: nothing was folded yet."""

    number: int
    state: GenerationState
    cursor: Cursor | None = None


STILL = "replay/still"
"""The lease that holds the live views still, and who holds it: any process, for its switch."""


class Generations(Protocol):
    """The query views' generations. Whoever asks the store's `views` is answered from the live one, and no other."""

    async def all(self) -> list[Generation]:
        """Return what there is: the live one first."""
        ...

    async def begin(self) -> Generation:
        """Return the generation beside the live one, empty where none was begun."""
        ...

    def views(self, generation: Generation) -> Views:
        """Return the views over one generation's rows, whatever becomes of it."""
        ...

    async def hold(self, seconds: float) -> None:
        """Let the live views stand still for up to so many seconds, or until a switch.

        Whoever would fold them meanwhile is told that their cursor has moved, and tries again. 0 lets them go.
        """
        ...

    async def switch(self, to: Generation) -> bool:
        """Make a generation live and keep the one that was, in one transaction.

        False, and nothing done, where the live one has folded further: nobody is shown less than before.
        """
        ...

    async def drop(self, generation: Generation, rows_max: int = 5_000) -> bool:
        """Remove up to so many rows of each view of a generation that is not live; True once it is gone."""
        ...

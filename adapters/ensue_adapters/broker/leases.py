"""Leases, in the views' store: the engine's own under a prefix, beside the one that says who folds."""

from __future__ import annotations

from collections.abc import Sequence

from ensue_core.ports import Leases

_PREFIX = "engine/"
FOLDING = "folding"
"""The lease of the process that folds."""


class BrokerLeases:
    """The engine's leases."""

    def __init__(self, views: Leases) -> None:
        self._views = views

    async def hold(self, name: str, holder: str, note: str, seconds: float) -> bool:
        """Take or renew a named lease."""
        return await self._views.hold(_PREFIX + name, holder, note, seconds)

    async def release(self, name: str, holder: str) -> None:
        """Give a lease up, if it is held."""
        await self._views.release(_PREFIX + name, holder)

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        """Return (name, holder, note) of the live leases whose name begins so."""
        found = await self._views.holders(_PREFIX + prefix)
        return [(name.removeprefix(_PREFIX), holder, note) for name, holder, note in found]


_: type[Leases] = BrokerLeases

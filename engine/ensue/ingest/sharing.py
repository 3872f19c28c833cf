"""Who reads which partitions: live ingesters of a topic, in the order of their names, take them in turn.

Membership is a lease each, soft state like every lease: should two ingesters believe they have one partition, their
batches compete and one of them is void. That costs time and no truth.
"""

from __future__ import annotations

from collections.abc import Collection

from ensue_core.clock import Clock
from ensue_core.ports import Store

__all__ = ["Sharing", "members", "share_of"]


class Sharing:
    """One ingester's membership."""

    def __init__(self, store: Store, topic: str, process: str, clock: Clock, lease_seconds: float) -> None:
        self._store, self._clock = store, clock
        self._topic, self._process, self._lease = topic, process, lease_seconds
        self._renewed = float("-inf")

    async def share(self, partitions: Collection[int]) -> frozenset[int]:
        """Renew the membership where it is time, and return the partitions that are this one's now."""
        now = self._clock.monotonic()
        if now - self._renewed > self._lease / 3:
            await self._store.leases.hold(_name(self._topic, self._process), self._process, "", self._lease)
            self._renewed = now
        return share_of(self._process, await members(self._store, self._topic), partitions)

    async def leave(self) -> None:
        """Give the membership up, so that others take over at once."""
        self._renewed = float("-inf")
        await self._store.leases.release(_name(self._topic, self._process), self._process)


async def members(store: Store, topic: str) -> list[str]:
    """Return the live ingesters of a topic, in order."""
    return sorted({holder for _, holder, _ in await store.leases.holders(_name(topic, ""))})


def share_of(process: str, members: Collection[str], partitions: Collection[int]) -> frozenset[int]:
    """Return the partitions of one of the members."""
    order = sorted(members)
    if process not in order:
        return frozenset()
    mine = order.index(process)
    return frozenset(each for place, each in enumerate(sorted(partitions)) if place % len(order) == mine)


def _name(topic: str, process: str) -> str:
    return f"ingester/{topic}/{process}"

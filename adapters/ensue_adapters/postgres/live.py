"""Which generation of the query views is live. Each has a number of its own, as namespaces have."""

from __future__ import annotations

import msgspec

from ensue_adapters.postgres.session import Session


class Numbers(msgspec.Struct, frozen=True):
    """Under which number a namespace's log stands, and under which its query views do."""

    log: int
    views: int


class Standing(msgspec.Struct, frozen=True):
    """The generations of one namespace by number; 0: there is none. The first one has the namespace's own number."""

    live: int
    kept: int = 0
    beside: int = 0


async def standing(session: Session, namespace: int) -> Standing:
    """Return what there is as of the moment that a session sees."""
    row = await session.row("views/standing", namespace=namespace)
    return Standing(namespace) if row is None else Standing(*row)


async def live_number(session: Session, namespace: int) -> int:
    """Return the number of the live rows."""
    return (await standing(session, namespace)).live

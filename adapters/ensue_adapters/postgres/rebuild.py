"""Folding the decision views again from the log."""

from __future__ import annotations

import msgspec

from ensue_adapters.postgres.decisions import dump_chains
from ensue_adapters.postgres.folding import Folding
from ensue_adapters.postgres.offsets import read_rows
from ensue_adapters.postgres.pages import read_page
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.sql.gathering import gather
from ensue_core.errors import StoreError
from ensue_core.rows import WorkRow

_PAGE = 2_000
_VIEWS = (
    "chain/clear_chains",
    "chain/clear_triggers",
    "chain/clear_timers",
    "chain/clear_waiting",
    "work/clear",
    "topics/clear",
)


async def rebuild(tx: Transaction) -> None:
    """Empty the views and fold the whole log; leases, which no record holds, are carried over."""
    session, namespace = tx.session, tx.namespace
    await session.script("store/patient")
    await session.rows("chain/lock", namespace=namespace)
    await session.rows("work/lock_all", namespace=namespace)
    head = await tx.enter()
    first = await session.row("log/next", namespace=namespace, after=0)
    if head.position and (first is None or first[0] > 1):
        raise StoreError(
            f"the log begins at position {first[0] if first else head.position + 1}, as older ranges were detached, so "
            "the decision views cannot be folded again: attach the ranges first (docs: Postgres, old ranges)"
        )
    leases = await session.rows("work/leases", namespace=namespace)
    for name in _VIEWS:
        await session.run(name, namespace=namespace)
    after = 0
    folding = Folding(session, namespace)
    while page := await read_page(session, namespace, after, _PAGE):
        await folding.fold(gather(page))
        after = page[-1].position
    if leases:
        await session.run(
            "work/lease",
            namespace=namespace,
            invocations=[row[0] for row in leases],
            attempts=[row[1] for row in leases],
            workers=column([row[2] for row in leases]),
            untils=[row[3] for row in leases],
        )


async def dump(session: Session, namespace: int) -> dict[str, list[tuple[object, ...]]]:
    """Return every decision view's rows, sorted, without leases."""
    rows: dict[str, tuple[msgspec.Struct, ...]] = {
        **await dump_chains(session, namespace),
        "work": tuple([WorkRow(*row) for row in await session.rows("work/all", namespace=namespace)]),
        "topics": tuple(await read_rows(session, namespace, None)),
    }
    return {name: sorted((_plain(row) for row in some), key=repr) for name, some in rows.items()}


def _plain(row: msgspec.Struct) -> tuple[object, ...]:
    """Return a row's values in a form that compares and sorts."""
    return tuple(
        msgspec.json.encode(value, order="sorted").decode() if isinstance(value, (msgspec.Struct, tuple)) else value
        for value in msgspec.structs.astuple(row)
    )

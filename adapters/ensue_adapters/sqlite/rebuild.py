"""Folding the decision views again from the log."""

from __future__ import annotations

import sqlite3

import msgspec

from ensue_adapters.sql.gathering import gather
from ensue_adapters.sqlite.decisions import dump_chains
from ensue_adapters.sqlite.folding import Folding
from ensue_adapters.sqlite.offsets import read_rows
from ensue_adapters.sqlite.pages import read_page
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_core.rows import WorkRow

_PAGE = 2_000
_VIEWS = ("chain/clear_chains", "chain/clear_triggers", "chain/clear_timers", "chain/clear_waiting", "topics/clear")
_WORK = ("work/clear", "work/clear_queued")
_rows = msgspec.json.Decoder(list[WorkRow])


def rebuild(tx: Transaction) -> None:
    """Empty the views and fold the whole log; leases, which no record holds, are carried over."""
    leases = tx.connection.execute(sql("work/leases"), (tx.namespace,)).fetchall()
    for name in (*_VIEWS, *_WORK):
        tx.connection.execute(sql(name), (tx.namespace,))
    after = 0
    folding = Folding(tx.connection, tx.namespace)
    while page := read_page(tx.connection, tx.places, after, _PAGE):
        folding.fold(gather(page))
        after = page[-1].position
    for lease in leases:
        tx.connection.execute(sql("work/lease"), (tx.namespace, *lease))


def dump(connection: sqlite3.Connection, namespace: int) -> dict[str, list[tuple[object, ...]]]:
    """Return every decision view's rows, sorted, without leases."""
    (work,) = connection.execute(sql("work/all"), (namespace,)).fetchone()
    rows: dict[str, tuple[msgspec.Struct, ...]] = {
        **dump_chains(connection, namespace),
        "work": tuple(_rows.decode(work)),
        "topics": tuple(read_rows(connection, namespace, None)),
    }
    return {name: sorted((_plain(row) for row in some), key=repr) for name, some in rows.items()}


def _plain(row: msgspec.Struct) -> tuple[object, ...]:
    """Return a row's values in a form that compares and sorts."""
    return tuple(
        msgspec.json.encode(value, order="sorted").decode() if isinstance(value, (msgspec.Struct, tuple)) else value
        for value in msgspec.structs.astuple(row)
    )

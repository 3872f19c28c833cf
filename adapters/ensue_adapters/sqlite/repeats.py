"""Idempotent appending: what stands already is looked up, and compared with what the draft says."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from ensue_adapters.sqlite.folding import NOBODY, Lease
from ensue_adapters.sqlite.pages import read_at
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_core.facts import EventEmitted, Fact, InvocationCreated
from ensue_core.ids import Id
from ensue_core.ports import Appended
from ensue_core.records import Draft
from ensue_core.values import canonical, decode


def append(tx: Transaction, drafts: Sequence[Draft], lease: Lease = NOBODY) -> list[Appended]:
    """Append drafts, each once; a draft whose id stands already adds nothing."""
    careful = [each.repeatable for each in drafts]
    before = tx.head()
    try:
        return _append(tx, drafts, careful, lease)
    except sqlite3.IntegrityError:
        if all(careful) or tx.head() != before:
            raise  # not an id of the log: the views refused what the log took
        return _append(tx, drafts, [True] * len(drafts), lease)


def _append(tx: Transaction, drafts: Sequence[Draft], careful: Sequence[bool], lease: Lease) -> list[Appended]:
    if not any(careful):
        return [Appended(record.position) for record in tx.append(drafts, lease=lease)]
    looked_up = [each.id for each, look in zip(drafts, careful, strict=True) if look]
    standing = positions_of(tx.connection, tx.places, looked_up)
    first: dict[Id, int] = {}
    for index, (draft, look) in enumerate(zip(drafts, careful, strict=True)):
        if not (look and (draft.id in standing or draft.id in first)):
            first[draft.id] = index
    fresh = [drafts[index] for index in first.values()]
    placed = {record.id: record for record in tx.append(fresh, lease=lease)}
    stored = read_at(tx.connection, tx.places, standing.values()) if standing else {}
    outcomes: list[Appended] = []
    for index, draft in enumerate(drafts):
        if first.get(draft.id) == index:
            outcomes.append(Appended(placed[draft.id].position))
            continue
        stands = stored[standing[draft.id]] if draft.id in standing else placed[draft.id]
        outcomes.append(Appended(stands.position, duplicate=True, conflict=not same(stands.fact, draft.fact)))
    return outcomes


def same(one: Fact, other: Fact) -> bool:
    """Whether two facts of one id say the same: code and payload, task and arguments, or everything."""
    match one, other:
        case EventEmitted(), EventEmitted():
            return one.code == other.code and _same_value(one.payload, other.payload)
        case InvocationCreated(), InvocationCreated():
            return one.task == other.task and _same_value(one.arguments, other.arguments)
        case _:
            return one == other


def _same_value(one: msgspec.Raw, other: msgspec.Raw) -> bool:
    return bytes(one) == bytes(other) or canonical(decode(one)) == canonical(decode(other))


def positions_of(connection: sqlite3.Connection, places: Places, ids: Sequence[Id]) -> dict[Id, int]:
    """Return where records with some ids stand; missing ones are left out."""
    if not ids:
        return {}
    if len(ids) == 1:
        row = connection.execute(sql("log/position_of"), (places.namespace, bytes.fromhex(ids[0]))).fetchone()
        return {} if row is None else {ids[0]: row[0]}
    raw = bytes.fromhex("".join(ids))
    found = connection.execute(sql("log/positions_of"), (places.namespace, raw, len(ids)))
    return {ids[place]: position for place, position in found.fetchall()}

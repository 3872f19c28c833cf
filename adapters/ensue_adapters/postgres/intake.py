"""The outbox: what users' transactions committed enters the log, before anything that is appended directly.

A row that cannot enter is parked with its reason: it never stops the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.texts import column
from ensue_adapters.sql.repeats import fresh_of, outcomes_of
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import BadValue, EnsueError
from ensue_core.facts import EventEmitted, InvocationCreated, decode_fact
from ensue_core.ids import Id, derive_keyed
from ensue_core.records import Draft
from ensue_core.values import check_raw

if TYPE_CHECKING:
    from ensue_adapters.postgres.transaction import Transaction

ROWS_MAX = 1_000
"""Rows that enter at a time."""


async def drain(tx: Transaction) -> None:
    """Move every committed row into the log; the transaction has entered it, so nobody else does."""
    while True:
        rows = await tx.session.rows("intake/take", namespace=tx.namespace, limit=ROWS_MAX)
        if rows:
            await _take(tx, rows)
        if len(rows) < ROWS_MAX:
            return


async def _take(tx: Transaction, rows: Sequence[Any]) -> None:
    drafts: list[Draft] = []
    numbers: list[int] = []
    parked: dict[int, str] = {}
    for number, id, data, cause, root, repeatable in rows:
        try:
            drafts.append(_draft(tx.space.name, id, bytes(data), cause, root, repeatable))
            numbers.append(number)
        except EnsueError as error:
            parked[number] = str(error)
    careful = [True] * len(drafts)
    standing = await positions_of(tx.session, tx.namespace, [each.id for each in drafts])
    placed = {record.id: record for record in await tx.append(fresh_of(drafts, careful, standing))}
    stored = await read_at(tx.session, tx.namespace, standing.values()) if standing else {}
    outcomes = outcomes_of(drafts, careful, standing, placed, stored)
    for number, draft, outcome in zip(numbers, drafts, outcomes, strict=True):
        if outcome.conflict:
            parked[number] = f"{_what(draft)} stands already at position {outcome.position} and says something else"
    if parked:
        await tx.session.run(
            "intake/park",
            namespace=tx.namespace,
            at=tx.clock.now(),
            numbers=list(parked),
            reasons=column(list(parked.values())),
        )
    await tx.session.run("intake/drop", namespace=tx.namespace, numbers=[row[0] for row in rows])


def _draft(namespace: str, id: Id | None, data: bytes, cause: str | None, root: str | None, repeatable: bool) -> Draft:
    """Return the draft that a row holds. Raises `BadValue` for one that no engine would have made."""
    try:
        fact = decode_fact(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadValue(f"it is no fact ({error})") from None
    match fact:
        case EventEmitted(code=code, payload=payload, key=key):
            check_raw(bytes(payload), f"payload of {code}")
            derived = None if key is None else derive_keyed("event", namespace, code, key)
        case InvocationCreated(task=task, arguments=arguments, key=key):
            check_raw(bytes(arguments), f"arguments of {task}", DEFAULTS.result_bytes_max)  # as much as a submit takes
            derived = None if key is None else derive_keyed("invocation", namespace, task, key)
        case _:
            raise BadValue(f"a {type(fact).__name__} cannot come from outside: emit events and submit tasks")
    found = id or derived
    if found is None:
        raise BadValue("it has neither an id nor a key")
    return Draft(found, fact, data, cause, root, repeatable)


def _what(draft: Draft) -> str:
    fact = draft.fact
    key = getattr(fact, "key", None)
    return f"key {key!r}" if key else f"id {draft.id}"

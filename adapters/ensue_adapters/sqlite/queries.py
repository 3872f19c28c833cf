"""Which prepared query answers a question: the one whose index fits its most selective filter.

Log time never decreases with position, so times become positions first, and every query is a range of
positions of one index, newest first.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import POSITION_MAX, Places
from ensue_adapters.sqlite.statements import sql
from ensue_core.ports import EventQuery, InvocationQuery, RunQuery
from ensue_core.rows import EventRow, InvocationRow, RunRow

_CODES_MAX = 64
"""Codes of a family that are looked up one by one."""

_events = msgspec.json.Decoder(list[EventRow])
_runs = msgspec.json.Decoder(list[RunRow])
_invocations = msgspec.json.Decoder(list[InvocationRow])


def events(connection: sqlite3.Connection, places: Places, query: EventQuery) -> list[EventRow]:
    """Answer an `EventQuery`."""
    values = _values(connection, places, query)
    values |= {"family": None, "family_end": None}
    family = query.code[:-1] if query.code is not None and query.code.endswith(".*") else None
    if query.emitter is not None:
        name = "views/events_by_emitter"
    elif query.root is not None:
        name = "views/events_by_root"
    elif query.code is not None:
        name = "views/events_by_code"
    else:
        name = "views/events"
    if family is None:
        return _events.decode(_run(connection, name, values))
    values |= {"code": None, "family": family, "family_end": family[:-1] + "/"}
    if name == "views/events_by_code":
        return _family(connection, places, values)
    return _events.decode(_run(connection, name, values))


def _family(connection: sqlite3.Connection, places: Places, values: dict[str, Any]) -> list[EventRow]:
    """Merge the newest of each code of a family; one with very many codes is looked for among all events."""
    bounds = (places.namespace, values["family"], values["family_end"], _CODES_MAX + 1)
    codes = [code for (code,) in connection.execute(sql("views/codes"), bounds)]
    if len(codes) > _CODES_MAX:
        return _events.decode(_run(connection, "views/events", values))
    rows: list[EventRow] = []
    for code in codes:
        rows += _events.decode(_run(connection, "views/events_by_code", {**values, "code": code}))
    rows.sort(key=lambda row: row.position, reverse=True)
    return rows[: values["limit"]]


def runs(connection: sqlite3.Connection, places: Places, query: RunQuery) -> list[RunRow]:
    """Answer a `RunQuery`."""
    if query.invocation is not None:
        name = "views/runs_by_invocation"
    elif query.source is not None:
        name = "views/runs_by_source"
    elif query.root is not None:
        name = "views/runs_by_root"
    elif query.outcome not in (None, "fired"):
        name = "views/runs_unfired"
    elif query.trigger is not None:
        name = "views/runs_by_trigger"
    else:
        name = "views/runs"
    return _runs.decode(_run(connection, name, _values(connection, places, query)))


def invocations(connection: sqlite3.Connection, places: Places, query: InvocationQuery) -> list[InvocationRow]:
    """Answer an `InvocationQuery`."""
    values = _values(connection, places, query)
    values["statuses"] = msgspec.json.encode(query.statuses).decode() if query.statuses else None
    if query.root is not None:
        name = "views/invocations_by_root"
    elif query.emitter is not None:
        name = "views/invocations_by_emitter"
    elif query.statuses and "SUCCESS" not in query.statuses:
        return _unwell(connection, query.statuses, values)
    elif query.trigger is not None:
        name = "views/invocations_by_trigger"
    elif query.task is not None:
        name = "views/invocations_by_task"
    else:
        name = "views/invocations"
    return _invocations.decode(_run(connection, name, values))


def _unwell(connection: sqlite3.Connection, statuses: tuple[str, ...], values: dict[str, Any]) -> list[InvocationRow]:
    """Merge the newest of each state."""
    rows: list[InvocationRow] = []
    for status in set(statuses):
        rows += _invocations.decode(_run(connection, "views/invocations_unwell", {**values, "status": status}))
    rows.sort(key=lambda row: row.created, reverse=True)
    return rows[: values["limit"]]


def _run(connection: sqlite3.Connection, name: str, values: dict[str, Any]) -> bytes:
    (rows,) = connection.execute(sql(name), values).fetchone()
    found: bytes = rows
    return found


def _values(
    connection: sqlite3.Connection, places: Places, query: EventQuery | RunQuery | InvocationQuery
) -> dict[str, Any]:
    """Return the statement's parameters, with the bounds of time as bounds of position."""
    first = 0 if query.since is None else position_at(connection, places.log, query.since)
    last = POSITION_MAX if query.until is None else position_at(connection, places.log, query.until) - 1
    if query.before is not None:
        last = min(last, query.before - 1)
    bounds = {"first": places.of(max(first, 0)), "last": places.of(max(last, 0))}
    return {**msgspec.structs.asdict(query), **bounds, "namespace": places.namespace}


def position_at(connection: sqlite3.Connection, places: Places, time: int) -> int:
    """Return the first position whose log time is at least `time`: a few steps of bisection, and no index."""
    low, high = 1, read_head(connection, places).position + 1
    while low < high:
        middle = (low + high) // 2
        (found,) = connection.execute(sql("log/time_at"), (places.of(middle),)).fetchone()
        if found < time:
            low = middle + 1
        else:
            high = middle
    return low

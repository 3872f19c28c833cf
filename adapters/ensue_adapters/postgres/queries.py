"""Which prepared query answers a question: the one whose index fits its most selective filter.

Log time never decreases with position, so times become positions first, and every query is a range of
positions of one index, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from ensue_adapters.postgres.live import Numbers
from ensue_adapters.postgres.pages import POSITION_MAX
from ensue_adapters.postgres.session import Session
from ensue_core.ports import EventQuery, InvocationQuery, RunQuery
from ensue_core.rows import EventRow, InvocationRow, RunRow

T = TypeVar("T")

_CODES_MAX = 64
"""Codes of a family that are looked up one by one."""


async def events(session: Session, numbers: Numbers, query: EventQuery) -> list[EventRow]:
    """Answer an `EventQuery`."""
    values = await _values(session, numbers, query)
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
        return await _run(session, name, EventRow, values)
    values |= {"code": None, "family": family, "family_end": family[:-1] + "/"}
    if name == "views/events_by_code":
        return await _family(session, values)
    return await _run(session, name, EventRow, values)


async def _family(session: Session, values: Mapping[str, Any]) -> list[EventRow]:
    """Merge the newest of each code of a family; one with very many codes is looked for among all events."""
    found = await session.rows("views/codes", **{**values, "limit": _CODES_MAX + 1})
    if len(found) > _CODES_MAX:
        return await _run(session, "views/events", EventRow, values)
    rows: list[EventRow] = []
    for (code,) in found:
        rows += await _run(session, "views/events_by_code", EventRow, {**values, "code": code})
    rows.sort(key=lambda row: row.position, reverse=True)
    return rows[: values["limit"]]


async def runs(session: Session, numbers: Numbers, query: RunQuery) -> list[RunRow]:
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
    return await _run(session, name, RunRow, await _values(session, numbers, query))


async def invocations(session: Session, numbers: Numbers, query: InvocationQuery) -> list[InvocationRow]:
    """Answer an `InvocationQuery`."""
    values = await _values(session, numbers, query)
    values["statuses"] = list(query.statuses) or None
    if query.root is not None:
        name = "views/invocations_by_root"
    elif query.emitter is not None:
        name = "views/invocations_by_emitter"
    elif query.statuses and "SUCCESS" not in query.statuses:
        return await _unwell(session, query.statuses, values)
    elif query.trigger is not None:
        name = "views/invocations_by_trigger"
    elif query.task is not None:
        name = "views/invocations_by_task"
    else:
        name = "views/invocations"
    return await _run(session, name, InvocationRow, values)


async def _unwell(session: Session, statuses: tuple[str, ...], values: Mapping[str, Any]) -> list[InvocationRow]:
    """Merge the newest of each state."""
    rows: list[InvocationRow] = []
    for status in sorted(set(statuses)):
        rows += await _run(session, "views/invocations_unwell", InvocationRow, {**values, "status": status})
    rows.sort(key=lambda row: row.created, reverse=True)
    return rows[: values["limit"]]


async def _run(session: Session, name: str, row_type: Callable[..., T], values: Mapping[str, Any]) -> list[T]:
    return [row_type(*row) for row in await session.rows(name, **values)]


async def _values(session: Session, numbers: Numbers, query: EventQuery | RunQuery | InvocationQuery) -> dict[str, Any]:
    """Return the statement's values, with the bounds of time as bounds of position."""
    first = 0 if query.since is None else await _position_at(session, numbers.log, query.since)
    last = POSITION_MAX if query.until is None else await _position_at(session, numbers.log, query.until) - 1
    if query.before is not None:
        last = min(last, query.before - 1)
    return {
        **msgspec.structs.asdict(query),
        "first": max(first, 0),
        "last": max(last, 0),
        "namespace": numbers.views,
        "root_id": _id_or_none(query.root),
    }


async def _position_at(session: Session, namespace: int, time: int) -> int:
    row = await session.row("views/position_at", namespace=namespace, time=time)
    assert row is not None
    return int(row[0])


def _id_or_none(root: str | None) -> str | None:
    """Return a root where it may be the id of a record: it can be any text."""
    if root is None or len(root) != 32 or any(letter not in "0123456789abcdef" for letter in root):
        return None
    return root

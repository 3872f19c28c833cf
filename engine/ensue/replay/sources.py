"""The records about one event or invocation, and what each says happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ensue_core.ids import Id, derive_from
from ensue_core.ports import Store
from ensue_core.records import Record
from ensue_core.rows import InvocationRow
from ensue_projections.occurrences import Occurrence, occurrences_of

About = list[tuple[Record, Sequence[Occurrence]]]


async def occurrences_about(store: Store, source: Id) -> About:
    """Return what happened to an event or invocation, in order; nothing where there is none of that id."""
    record = await store.log.find(source)
    records: dict[int, Record] = {}
    if record is not None:
        records[record.position] = record
    row = cast("InvocationRow | None", (await store.views.load("invocations", [(source,)])).get((source,)))
    if row is not None:
        tries = await store.views.attempts(source)
        positions = {row.created, row.ended_at, *(each.position for each in tries)} - {0}
        records |= await store.log.read_at(positions)
        for each in tries:
            started = await store.log.find(derive_from(source, "start", each.attempt))
            if started is not None:
                records[started.position] = started
    about: About = []
    for position in sorted(records):
        found = [each for each in occurrences_of(records[position]) if each.source == source]
        if found:
            about.append((records[position], found))
    return about

"""The hot stages in one round trip each: a function of the server does all of a transaction.

What it cannot do (rare changes, ids that may repeat, an intake that waits, an end that came too late) it leaves
undone, and says so: then the caller goes the longer way, statement by statement (`transaction.py`). Nothing waits
for the client while the log is locked.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.transaction import columns_of
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.gathering import NOBODY, Batch, Lease, WorkBatch, gather
from ensue_adapters.sql.placing import place_all, root_column, settle_all
from ensue_core.changes import ChainMoved
from ensue_core.facts import FORMAT, AttemptStarted, Decided, EventEmitted
from ensue_core.ids import Id
from ensue_core.ports import Committed, Outrun, Step, Superseded
from ensue_core.records import Draft, Record
from ensue_core.rows import WorkRow

DRAFTS_MAX = 5_000
"""Records a trip."""

_NO_WORK = WorkBatch([], [], [], [], [], NOBODY)
_BACK = b'"created":-'
"""How a start says how many places before itself its invocation was created; no text can hold it unescaped."""


async def append(writer: Writer, drafts: Sequence[Draft]) -> list[Record] | None:
    """Append drafts and return their records; None where nothing was done and the longer way is needed."""
    if not _plain(writer, drafts):
        return None
    if len(drafts) == 1 and type(drafts[0].fact) is EventEmitted:
        row = await writer.call("trips/append_one", **_one(drafts[0]))
        return None if row is None or row[0] is None else _told(writer, drafts, row[0], row[1])
    columns = columns_of(drafts)
    batches = [] if _only_events(drafts) else gather(place_all(drafts, 0, 0))
    if not batches:
        row = await writer.call("trips/append", **columns)
    elif len(batches) == 1 and isinstance(batches[0], WorkBatch) and _only_opens(batches[0]):
        row = await writer.call("trips/append_work", **columns, **_work(batches[0]))
    else:
        return None
    if row is None or row[0] is None:
        return None
    return _told(writer, drafts, row[0], row[1])


async def commit(
    writer: Writer, step: Step, drafts: Sequence[Draft], lease: Lease
) -> Committed | Superseded | Outrun | None:
    """Commit a Step whose facts only fire and begin; `drafts` are its facts and its `Decided`."""
    decided = drafts[-1].fact
    assert isinstance(decided, Decided)
    if step.own or not _plain(writer, drafts):
        return None
    batches = gather(place_all(drafts, 0, 0), lease)
    moved = batches[-1]
    if not isinstance(moved, ChainMoved) or len(batches) > 2 or not all(_only_opens(each) for each in batches[:-1]):
        return None
    opened = batches[0] if isinstance(batches[0], WorkBatch) else _NO_WORK
    row = await writer.call(
        "trips/commit_step",
        service=step.service,
        follows=step.after or None,
        read=step.through.position,
        clock=step.clock,
        step=moved.step,
        through=msgspec.json.encode(moved.through).decode(),
        worker=lease.worker,
        until=lease.until,
        **_with_places(columns_of(drafts), drafts),
        **_work(opened),
    )
    if row is None or row[0] is None:
        return None
    verdict, head, moment = row
    if verdict == "superseded":
        return Superseded()
    if verdict == "outrun":
        return Outrun()
    return Committed(tuple(_told(writer, drafts, head, moment)))


async def start(writer: Writer, rows: Sequence[WorkRow], drafts: Sequence[Draft], lease: Lease) -> list[int] | None:
    """Begin attempts that were seen open; return the places of those that are now the lease's worker's."""
    if not _plain(writer, drafts):
        return None
    row = await writer.call(
        "trips/start_work",
        format=FORMAT,
        worker=lease.worker,
        until=lease.until,
        invocations=[each.invocation for each in rows],
        attempts=[each.attempt for each in rows],
        ids=[each.id for each in drafts],
        roots=column([each.root for each in drafts]),
        datas=[each.data for each in drafts],
    )
    if row is None or row[0] is None:
        return None
    won: list[int] = [place - 1 for place in row[0]]
    if won:
        _told(writer, [drafts[place] for place in won], row[1], row[2])
    return won


async def finish(writer: Writer, ends: Sequence[tuple[Id, int]], drafts: Sequence[Draft]) -> bool:
    """Append ends that are all effective, with what comes with them; False where the longer way must say which."""
    if not _plain(writer, drafts):
        return False
    batches = gather(place_all(drafts, 0, 0))
    work = batches[0] if len(batches) == 1 else None
    if not isinstance(work, WorkBatch) or work.added or work.begun or work.started:
        return False
    row = await writer.call(
        "trips/finish_work",
        invocations=[invocation for invocation, _ in ends],
        attempts=[attempt for _, attempt in ends],
        ended=work.ended,
        again=[each.invocation for each in work.reopened],
        next_attempts=[each.attempt for each in work.reopened],
        dues=[each.due for each in work.reopened],
        failures=[each.failures for each in work.reopened],
        crashes=[each.crashes for each in work.reopened],
        **columns_of(drafts),
    )
    if row is None or row[0] is None:
        return False
    _told(writer, drafts, row[0], row[1])
    return True


def _plain(writer: Writer, drafts: Sequence[Draft]) -> bool:
    """Whether drafts can go in one trip: through a pooler, only a transaction keeps to one connection."""
    if writer.connections.pooled or not 0 < len(drafts) <= DRAFTS_MAX:
        return False
    return not any(each.repeatable for each in drafts)


def _one(draft: Draft) -> dict[str, object]:
    return {
        "format": FORMAT,
        "id": draft.id,
        "kind": type(draft.fact).__name__,
        "cause": draft.cause,
        "root": root_column(draft),
        "data": draft.data,
    }


def _only_events(drafts: Sequence[Draft]) -> bool:
    return all(type(each.fact) is EventEmitted for each in drafts)


def _only_opens(batch: Batch) -> bool:
    return isinstance(batch, WorkBatch) and not (batch.started or batch.reopened or batch.ended)


def _work(batch: WorkBatch) -> dict[str, object]:
    """Return rows to open as arrays; their places count from the head, and a time of 0 is the moment."""
    rows = [*batch.added, *batch.begun]
    return {
        "invocations": [row.invocation for row in rows],
        "tasks": column([row.task for row in rows]),
        "dues": [row.due for row in rows],
        "places": [row.created for row in rows],
        "depths": [row.depth for row in rows],
        "origins": column([row.root for row in rows]),
        "begun": [False] * len(batch.added) + [True] * len(batch.begun),
    }


def _with_places(columns: dict[str, object], drafts: Sequence[Draft]) -> dict[str, object]:
    """Take facts apart that say how many places before themselves something stands: the server knows where."""
    backs: list[int | None] = []
    datas: list[bytes] = []
    rests: list[bytes | None] = []
    for each in drafts:
        fact = each.fact
        if type(fact) is AttemptStarted and fact.created < 0:
            begins, _, rest = each.data.partition(_BACK)
            digits = len(str(-fact.created))
            backs.append(-fact.created)
            datas.append(begins + _BACK[:-1])
            rests.append(rest[digits:])
        else:
            backs.append(None)
            datas.append(each.data)
            rests.append(None)
    return {**columns, "backs": backs, "datas": datas, "rests": rests}


def _told(writer: Writer, drafts: Sequence[Draft], head: int, moment: int) -> list[Record]:
    """Return the records of drafts that were stored, once everybody here knows of them."""
    records = settle_all(drafts, head, moment)
    writer.told(records, sum([len(each.data) for each in drafts]))
    return records

"""What a deployment left behind, and what must hold of it.

The simulation's checker and oracle read the log; what only a real store can get wrong is asked here: acknowledged
records, effects of bodies, views against a fold from scratch, and a count of reactions that knows no engine code.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ensue.projector import catch_up
from ensue_adapters import postgres, sqlite
from ensue_adapters.kafka.log import open_store as open_kafka
from ensue_adapters.memory.space import Space
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    DepthExceeded,
    EventEmitted,
    InvocationCreated,
    RunFailed,
    TriggerFired,
)
from ensue_core.ids import Id
from ensue_core.ports import Cursor, RowKey, RowTable, Store
from ensue_core.records import Record
from ensue_core.rows import QueryRow
from ensue_projections.queries import PROJECTION, VERSION, QueryFold
from tests.crash import orders
from tests.crash.processes import DEFAULTS, NAMESPACE, Place, lines, log_errors
from tests.simulation import checker
from tests.simulation.checker import Evidence
from tests.simulation.program import Version, tasks_of

STILL_SECONDS = 0.5
"""How long nothing may be written before a fleet is taken to be at rest."""


def rest(place: Place, services: list[str], seconds: float, answer: Path) -> int:
    """Wait until all that is in the log now is decided, run and folded; write down where it was, or what is open."""
    log_errors()

    async def main() -> tuple[int, str]:
        store = _store(place)
        await store.open()
        until = time.monotonic() + seconds
        head, still = (await store.log.head()).position, time.monotonic()
        # What ended last may have followers that nobody has decided yet: that nothing moves for a while shows it.
        while (why := await _open(store, services, head) or _moving(still)) and time.monotonic() < until:
            await asyncio.sleep(0.05)
            now = (await store.log.head()).position
            if now != head:
                head, still = now, time.monotonic()
        await store.close()
        return head, why

    position, why = asyncio.run(main())
    answer.write_text(json.dumps({"position": position, "why": why}))
    return 0


def _moving(since: float) -> str:
    return "the log has just grown" if time.monotonic() - since < STILL_SECONDS else ""


def _store(place: Place) -> Store:
    open_store = {"postgres": postgres.open_store, "sqlite": sqlite.open_store, "kafka": open_kafka}
    return open_store[place.kind](place.url, NAMESPACE, SYSTEM_CLOCK)


async def _open(store: Store, services: list[str], head: int) -> str:
    queued = await store.work.queued()
    if queued:
        return f"{queued} invocations are unfinished"
    for service in services:
        chain = await store.decisions.load(service)
        for row in chain.triggers:
            if row.state == "paused" and row.reason != "takeover":
                return f"{row.trigger} of {service} is paused: {row.reason}"
            if row.state == "active" and row.own is not None and row.own.position < head:
                return f"{row.trigger} of {service} lags at {row.own}, the log is at {head}"
        unread = await store.log.read(chain.row.through.position, 5_000)
        codes = {each.fact.code for each in unread if each.position <= head and isinstance(each.fact, EventEmitted)}
        if codes & {"a", "b", "c"}:
            return f"service {service} has read to {chain.row.through.position} of {head}"
    folded = await store.views.cursor(PROJECTION, VERSION)
    return f"the query views have folded {folded} of {head}" if folded < head else ""


def judge(place: Place, services: list[str], position: int, answer: Path) -> int:
    """With nothing running any more: read everything, and write down what is wrong and what was seen."""
    log_errors()
    result = asyncio.run(_judge(place, services, position))
    answer.write_text(json.dumps(result))
    return 0


async def _judge(place: Place, services: list[str], position: int) -> dict[str, Any]:
    store = _store(place)
    await store.open()
    await catch_up(store, DEFAULTS)
    records: list[Record] = []
    while page := await store.log.read(len(records), 5_000):
        records += page
    space = Space()
    space.records = records
    space.ids = {record.id: record.position for record in records}
    space.rebuild()
    wrong = [f"decision views: {text}" async for text in _decisions(store)]
    fold = QueryFold()
    for start in range(0, len(records), 700):
        page = records[start : start + 700]
        rows: dict[RowTable, dict[RowKey, QueryRow]] = {name: table.rows for name, table in space.views.tables.items()}
        space.views.project(Cursor(PROJECTION, VERSION, start), fold.fold(page, rows), page[-1].position)
    wrong += [f"query views: {text}" async for text in _queries(store, place, space)]
    if place.kind == "postgres":
        wrong += await orders.judge_orders(place.url, records, _tried(place))
    await store.close()
    evidence = _evidence(place, space, services)
    for part in (
        checker.log,
        checker.keys,
        checker.steps,
        checker.runs,
        checker.attempts,
        checker.buffered,
        checker.cron,
    ):
        wrong += [f"{part.__name__}: {text}" for text in part(evidence)]
    for check in (_acknowledged(place, space), _effects(place, records), _reactions(records, position)):
        wrong += check
    seen = Counter(record.kind for record in records)
    ends = Counter(record.fact.status for record in records if isinstance(record.fact, AttemptEnded))
    return {"wrong": wrong[:40], "records": len(records), "kinds": dict(seen), "ends": dict(ends)}


def _evidence(place: Place, space: Space, services: list[str]) -> Evidence:
    bodies: dict[tuple[str, int], str] = {}
    emitted: dict[tuple[str, int], list[str]] = {}
    returns: set[tuple[str, int]] = set()
    for word, invocation, attempt, *more in lines(place.effects):
        token = (invocation, attempt)
        if word == "began":
            bodies[token] = str(more[1])
        elif word == "said":
            emitted.setdefault(token, []).append(more[0])
        else:
            returns.add(token)
    acked = [
        (sent, answered, [each[0] for each in stored], [each[1] for each in stored])
        for path in sorted(place.directory.glob("client-*.jsonl"))
        for _, sent, answered, word, stored, *_ in lines(path)
        if word == "told"
    ]
    return Evidence(
        space=space, defaults=DEFAULTS, services=services, acked=acked, bodies=bodies, returns=returns, emitted=emitted,
        crashes=(), downs={}, margin=0, seed=0, at_rest=False, namespace=NAMESPACE,
        lags=place.kind == "kafka",
    )  # fmt: skip


# What a real store can get wrong.


async def _decisions(store: Store) -> AsyncIterator[str]:
    """A rebuild gives what was live."""
    before = await store.dump_decisions()
    await store.rebuild_decisions()
    after = await store.dump_decisions()
    for name, rows in before.items():
        if rows != after[name]:
            more, less = (
                [row for row in rows if row not in after[name]],
                [row for row in after[name] if row not in rows],
            )
            yield f"{name}: the view has {more[:2]}, a rebuild gives {less[:2]}"


async def _queries(store: Store, place: Place, space: Space) -> AsyncIterator[str]:
    """Every row is as a fold from scratch gives it, and there are no others."""
    for name, table in space.views.tables.items():
        keys = list(table.rows)
        stored = await store.views.load(name, keys)
        for key in keys:
            if stored.get(key) != table.rows[key]:
                yield f"{name} {key}: the view has {stored.get(key)}, a fold gives {table.rows[key]}"
        count = await _count(place, name)
        if count != len(keys):
            yield f"{name} has {count} rows, a fold gives {len(keys)}"


async def _count(place: Place, table: str) -> int:
    if place.kind == "postgres":
        return await orders.count_rows(place.url, table)
    with closing(sqlite3.connect(place.file)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


def _tried(place: Place) -> set[str]:
    """What clients were about to commit in transactions of their own."""
    paths = place.directory.glob("client-*.jsonl")
    return {id for path in paths for _, _, _, word, ids, *_ in lines(path) if word == "tried" for id in ids}


def _acknowledged(place: Place, space: Space) -> Iterator[str]:
    """What a client was told is in the log: also what it was told stood already, and what it submitted."""
    for path in sorted(place.directory.glob("client-*.jsonl")):
        for number, _, _, word, stored, *more in lines(path):
            if word == "told":
                for id in [*[each[0] for each in stored], *more[0]]:
                    if space.find(Id(id)) is None:
                        yield f"{path.name}, act {number}: {id} was acknowledged and is not in the log"


def _effects(place: Place, records: list[Record]) -> Iterator[str]:
    """A body begins once an attempt, in the process that the log names, and at least once for each success."""
    began: dict[tuple[str, int], int] = {}
    for word, invocation, attempt, *more in lines(place.effects):
        if word != "began":
            continue
        if (invocation, attempt) in began:
            yield f"two bodies of attempt {attempt} of {invocation}: in {began[invocation, attempt]} and {more[1]}"
        began[invocation, attempt] = more[1]
    for record in records:
        fact = record.fact
        token = (getattr(fact, "invocation", ""), getattr(fact, "attempt", 0))
        if isinstance(fact, AttemptStarted) and token in began and f":{began[token]}:" not in fact.worker:
            yield f"attempt {fact.attempt} of {fact.invocation} ran in {began[token]}, the log says {fact.worker}"
        if isinstance(fact, AttemptEnded) and fact.status == "SUCCESS" and token not in began:
            yield f"{fact.invocation} succeeded without an effect"


ONCE: tuple[tuple[str, str, int], ...] = (("a", "ping", 1), ("c", "twice", 2), ("buffered", "heard", 1))
"""Events, the task whose triggers both versions have and that never pauses, and how many outcomes each event has."""


def _reactions(records: list[Record], position: int) -> Iterator[str]:
    """Count outcomes by plain means: so many for each event, one for each end, and an end for each invocation."""
    stable = dict.fromkeys(("ping", "twice", "heard", "after"), ("v1", "v2"))
    assert all(name in tasks_of("v1").declared_tasks and name in tasks_of("v2").declared_tasks for name in stable)
    outcomes: Counter[tuple[str, str]] = Counter()
    for record in records:
        if isinstance(record.fact, (TriggerFired, RunFailed, DepthExceeded)):
            for each in record.fact.participants:
                outcomes[record.fact.task, each.source] += 1
    for record in records:
        fact = record.fact
        for code, task, times in ONCE:
            if isinstance(fact, EventEmitted) and fact.code == code:
                found = outcomes[task, record.id]
                if found > times or (found < times and record.position <= position):
                    yield f"event {code} at {record.position} has {found} outcomes for {task}, not {times}"
        if isinstance(fact, AttemptEnded) and fact.task == "ping" and fact.status == "SUCCESS":
            found = outcomes["after", fact.invocation]
            if found > 1 or (found < 1 and record.position <= position):
                yield f"the success of {fact.invocation} at {record.position} has {found} outcomes, not 1"
    ended = {
        record.fact.invocation for record in records if isinstance(record.fact, AttemptEnded) and record.fact.final
    }
    for record in records[:position]:
        fact = record.fact
        created = fact.invocation if isinstance(fact, TriggerFired) else record.id
        if isinstance(fact, (TriggerFired, InvocationCreated)) and created not in ended:
            yield f"invocation {created} of {fact.task} at {record.position} never ended"


VERSIONS_OF: dict[str, tuple[Version, ...]] = {"main": ("v1", "v2"), "side": ("side",)}
"""Which programs a service's processes may run."""

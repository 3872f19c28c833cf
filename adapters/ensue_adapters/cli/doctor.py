"""`ensue doctor`: is the store well, does somebody decide, fold and work, and what is stuck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from ensue import __version__
from ensue.config import redact
from ensue.engine import Engine
from ensue.ingest.declared import Ingest
from ensue.ingest.looking import look_at
from ensue.scheduler.listening import Listening
from ensue_adapters.cli.options import COMMON, Common, engine_of, must_exist
from ensue_adapters.cli.output import Column, counted, lasting, print_json, print_table, worded
from ensue_adapters.cli.process import hush_clients
from ensue_core.defaults import SECOND
from ensue_core.errors import EnsueError
from ensue_core.ports import Chain, Store
from ensue_core.rows import TriggerRow
from ensue_projections.queries import PROJECTION, VERSION

LOOKED_AT_MAX = 10_000
"""How many undecided records are looked at."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `look`: worth a look; `bad`: something must be done, the exit code is 1."""

    name: str
    state: Literal["ok", "look", "bad"]
    says: str


async def doctor(*, common: Common = COMMON) -> int:
    """Look the store and the services over. Exit code 1 where something is wrong."""
    findings: list[Finding] = []
    try:
        engine = engine_of(common)
        url = redact(engine.settings.url)
        findings.append(Finding("ensue", "ok", f"{__version__}, {url}, app_id {engine.namespace}"))
        must_exist(engine.settings.url)
        async with engine:
            findings.extend([each async for each in _look(engine)])
    except EnsueError as error:
        findings.append(Finding("store" if findings else "settings", "bad", str(error)))
    if common.json:
        print_json({"well": _well(findings), "findings": findings})
    else:
        columns = (Column("WHAT"), Column("STATE"), Column("FINDING", wraps=True))
        print_table(columns, [(each.name, worded(each.state), each.says) for each in findings], empty="")
    return 0 if _well(findings) else 1


def _well(findings: list[Finding]) -> bool:
    return all(each.state != "bad" for each in findings)


async def _look(engine: Engine) -> AsyncIterator[Finding]:
    store = engine.store
    for each in await store.health():
        yield Finding(each.name, "ok" if each.well else "bad", each.says)
    chains = [await store.decisions.load(row.service) for row in await store.decisions.chains() if row.version]
    if not chains:
        yield Finding("services", "look", "none is declared yet: start `ensue run`, or `ensue declare`")
    for chain in chains:
        async for finding in _service(store, chain, engine.defaults.lease_seconds):
            yield finding
    yield await _projectors(store, engine.defaults.lease_seconds)
    yield await _work(store, engine.defaults.queued_max)
    for declared in engine.ingests:
        async for finding in _topic(store, declared):
            yield finding
    async for finding in _problems(store):
        yield finding


async def _service(store: Store, chain: Chain, lease_seconds: float) -> AsyncIterator[Finding]:
    row, name = chain.row, f"service {chain.row.service}"
    active = [each for each in chain.triggers if each.state == "active"]
    yield Finding(
        name, "ok", f"version {row.version}, {counted(row.tasks, 'task')}, {counted(active, 'active trigger')}"
    )
    if row.paused:
        yield Finding(name, "look", "paused: `ensue resume` lets it decide again")
    for each in chain.triggers:
        if each.state == "paused":
            yield Finding(name, "look", f"trigger {each.trigger} is paused ({each.reason})")
    holders = await store.leases.holders(f"holder/{row.service}/")
    current = [holder for _, holder, version in holders if version == row.version]
    others = len(holders) - len(current)
    stands_by = f", {others} of another version" if others else ""
    if current:
        yield Finding(f"{name}: scheduler", "ok", f"{len(current)} live{stands_by} ({', '.join(current[:3])})")
    else:
        yield Finding(f"{name}: scheduler", "look", f"none is live{stands_by}: nothing is decided, start `ensue run`")
    records, seconds = await _undecided(store, chain)
    says = (
        "nothing is undecided"
        if not records
        else f"{counted(records, 'record')} undecided, the oldest {lasting(seconds)} old"
    )
    late = bool(records) and seconds > lease_seconds and not row.paused
    yield Finding(f"{name}: lag", ("bad" if current else "look") if late else "ok", says)
    if chain.waiting:
        oldest = (store.clock.now() - min(each.occurred for each in chain.waiting)) / SECOND
        says = f"{len(chain.waiting)} waiting for partners, the oldest for {lasting(oldest)}"
        yield Finding(f"{name}: joins", "ok", says)


async def _undecided(store: Store, chain: Chain) -> tuple[int, float]:
    """Return how many records some active trigger hears and has not been asked about, and the oldest's age."""
    count, oldest = 0, store.clock.now()
    lanes: list[tuple[int, list[TriggerRow]]] = [
        (chain.row.through.position, [each for each in chain.triggers if each.state == "active" and each.own is None])
    ]
    lanes += [(each.own.position, [each]) for each in chain.triggers if each.state == "active" and each.own is not None]
    for at, rows in lanes:
        listening, looked = Listening(row.spec for row in rows), 0
        begins = min((row.begins for row in rows), default=0)
        while looked < LOOKED_AT_MAX and (records := await store.log.read(max(at, begins), 1_000)):
            for record in records:
                if listening.heard(record):
                    count, oldest = count + 1, min(oldest, record.time)
            at, looked = records[-1].position, looked + len(records)
    return count, (store.clock.now() - oldest) / SECOND


async def _projectors(store: Store, lease_seconds: float) -> Finding:
    head = await store.log.head()
    at = await store.views.cursor(PROJECTION, VERSION)
    live = bool(await store.leases.holders("projector/"))
    lag = max(head.position - at, 0)
    who = "one is live" if live else "none is live, queries fold for themselves"
    if not lag:
        return Finding("projectors", "ok", f"{who}; views are up to date")
    first = await store.log.read(at, 1)
    seconds = (store.clock.now() - first[0].time) / SECOND if first else 0.0
    late = live and seconds > lease_seconds
    return Finding(
        "projectors", "bad" if late else "ok", f"{who}; {counted(lag, 'record')} ({lasting(seconds)}) behind"
    )


async def _topic(store: Store, declared: Ingest) -> AsyncIterator[Finding]:
    name = f"topic {declared.name}"
    hush_clients()
    try:
        view = await look_at(store, declared)
    except EnsueError as error:
        yield Finding(name, "bad", str(error))
        return
    live = f"{counted(view.ingesters, 'ingester')} live" if view.ingesters else "no ingester is live"
    lag = f"{counted(view.behind, 'record')} behind" if view.behind else "nothing is behind"
    hint = "" if view.ingesters else ": start `ensue ingest` or `ensue run`"
    counts = f"{counted(view.partitions, 'partition')}, {counted(view.events, 'event')} taken in"
    yield Finding(name, "ok" if view.ingesters else "look", f"{counts}; {live}; {lag}{hint}")
    if view.parked:
        yield Finding(name, "look", f"{counted(view.parked, 'record')} became no event: `ensue dead-letters`")
    if view.missed:
        yield Finding(
            name, "look", f"{counted(view.missed, 'record')} deleted before they were read: raise its retention"
        )


async def _work(store: Store, queued_max: int) -> Finding:
    queued = await store.work.queued()
    expired = await store.work.expired(1)
    says = f"{counted(queued, 'unfinished invocation')} (at most {queued_max:,})"
    if queued >= queued_max:
        return Finding("work", "bad", f"{says}: submits are refused, start more workers")
    if expired:
        return Finding("work", "look", f"{says}; some lost their worker and wait for a live one: start `ensue run`")
    return Finding("work", "ok", says)


async def _problems(store: Store) -> AsyncIterator[Finding]:
    day = 86_400 * SECOND
    recent = [each for each in await store.views.problems(None, 100) if store.clock.now() - each.time < day]
    kinds: dict[tuple[str, str], int] = {}
    for each in recent:
        if each.kind in ("TriggerPaused", "ServicePaused"):
            continue  # said above, while it lasts
        kinds[each.kind, each.trigger] = kinds.get((each.kind, each.trigger), 0) + 1
    for (kind, trigger), count in sorted(kinds.items(), key=lambda item: -item[1])[:5]:
        newest = next(each for each in recent if (each.kind, each.trigger) == (kind, trigger))
        why = f": {newest.error or newest.reason}" if newest.error or newest.reason else ""
        yield Finding("problem", "look", f"{kind} x {count} in a day, {trigger or 'service'}{why}")

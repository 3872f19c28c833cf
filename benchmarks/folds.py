"""Folding a log of reactions again: decision views in memory, and every view into its tables."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks import programs
from benchmarks.figures import Figure, Run
from benchmarks.load import react
from ensue import Engine
from ensue.projector import catch_up
from ensue_adapters.memory.work import WorkTable
from ensue_core.defaults import DEFAULTS
from ensue_core.records import Record
from ensue_projections.chain import chain_changes
from ensue_projections.tables import ChainTables
from ensue_projections.work import work_changes


async def measure(run: Run) -> list[Figure]:
    """Make a log, then fold it in each way."""
    reactions = run.pick(50_000, 200)
    async with programs.pings(run.url("folds")).running() as engine:
        await react(engine, reactions)
        records = await _read_all(engine)
        memory = max(len(records) / _in_memory(records) for _ in range(run.pick(3, 1)))
    async with programs.pings(run.url("folds")) as engine:
        store = engine.store
        began = time.perf_counter()
        await store.rebuild_decisions()
        decisions = time.perf_counter() - began
        await store.views.drop()
        began = time.perf_counter()
        await catch_up(store, DEFAULTS)
        queries = time.perf_counter() - began
    count = len(records)
    return [
        Figure("folds", "decision views, memory", memory, "records/s", 300_000, "more"),
        Figure("folds", "decision views, tables", count / decisions, "records/s", better="more"),
        Figure("folds", "query views, tables", count / queries, "records/s", better="more"),
        Figure("folds", "every view, tables", count / (decisions + queries), "records/s", 30_000, "more"),
    ]


async def _read_all(engine: Engine) -> list[Record]:
    records: list[Record] = []
    while page := await engine.store.log.read(records[-1].position if records else 0, 5_000):
        records += page
    return records


def _in_memory(records: Sequence[Record]) -> float:
    """Fold decoded records as the memory store does; return the seconds."""
    work, chains = WorkTable(), ChainTables()
    began = time.perf_counter()
    for record in records:
        for work_change in work_changes(record):
            work.apply(work_change)
        for chain_change in chain_changes(record):
            chains.apply(chain_change)
    return time.perf_counter() - began

"""Many processes emit at once on a server whose commits are slow: `python -m tests.load.emitting --seconds 10`.

Some emits come one by one, some in batches, some inside users' transactions that are committed or taken back. One
engine reacts, one reader follows the log. Everything acknowledged is there, in order, reacted to once, and the reader
has skipped nothing. Exits with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from ensue import Engine, Tasks, on_event
from ensue_adapters.postgres import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.facts import AttemptEnded, EventEmitted, TriggerFired
from ensue_core.ports import Store
from ensue_core.records import Record
from tests.crash import orders
from tests.crash.processes import Lines, fork, lines
from tests.servers.postgres import DURABLE, binaries, local

SLOW = (*DURABLE, "commit_delay=2000", "commit_siblings=0")
"""A server whose every commit takes two milliseconds more."""

NAMESPACE = "load"
CODE = "go"
REST_SECONDS = 60.0


def program() -> Tasks:
    """One task, which reacts to each event."""
    tasks = Tasks()

    @tasks.task(triggers=on_event(CODE).with_args_from_event("n").named("go"))
    async def react(n: int) -> int:
        return n

    return tasks


def emit_for(url: str, number: int, seconds: float, told: Path) -> int:
    """Emit for a while, one act after the other, and write down what was acknowledged and when."""
    note = Lines(told)
    draw = random.Random(f"emitter {number}")

    async def main() -> None:
        async with Engine(url, app_id=NAMESPACE) as engine:
            user = await orders.connect(url)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                sent, kind = time.monotonic_ns(), draw.randrange(10)
                ids = await _act(engine, user, draw, kind)
                note.add(sent, time.monotonic_ns(), "undone" if kind == 9 else "told", ids)
            user.terminate()

    asyncio.run(main())
    return 0


async def _act(engine: Engine, user: Any, draw: random.Random, kind: int) -> list[str]:
    if kind < 6:
        return [(await engine.emit(CODE, {"n": draw.randrange(100)})).id]
    if kind == 6:
        return [each.id for each in await engine.emit_many(CODE, [{"n": each} for each in range(draw.randint(2, 20))])]
    transaction = user.transaction()
    await transaction.start()
    query = "SELECT emit($1, $2, $3) FROM generate_series(1, $4)"
    rows = await user.fetch(query, NAMESPACE, CODE, '{"n": 1}', draw.randint(1, 4))
    if draw.random() < 0.3:
        await asyncio.sleep(draw.random() * 0.05)
    await (transaction.rollback() if kind == 9 else transaction.commit())
    return [row[0].hex for row in rows]


async def follow(store: Store, done: asyncio.Event) -> list[int]:
    """Read the log as it grows; return the positions in the order in which they were seen."""
    seen: list[int] = []
    while True:
        at = seen[-1] if seen else 0
        page = await store.log.read(at, 500)
        seen += [record.position for record in page]
        if not page and done.is_set():
            return seen
        if not page:
            await store.log.wait(at, 0.2)


async def run(url: str, processes: int, seconds: float, folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Let them emit, wait for the rest, and say what is wrong and what was done."""
    async with Engine(url, app_id=NAMESPACE) as client:
        await client.emit("warm")
    store = open_store(url, NAMESPACE, SYSTEM_CLOCK)
    await store.open()
    done = asyncio.Event()
    following = asyncio.create_task(follow(store, done))
    said = folder / "said.log"
    async with Engine(url, tasks=[program()], app_id=NAMESPACE).running():
        pids = [
            fork(partial(emit_for, url, number, seconds, folder / f"{number}.jsonl"), said)
            for number in range(processes)
        ]
        statuses = [await asyncio.to_thread(_wait, pid) for pid in pids]
        emitted = time.monotonic()
        open_ones = await _rest(store)
        rest = time.monotonic() - emitted
    done.set()
    seen = await following
    records: list[Record] = []
    while page := await store.log.read(len(records), 5_000):
        records += page
    await store.close()
    wrong = [f"process {number} ended with {status}" for number, status in enumerate(statuses) if status]
    wrong += open_ones + judge(records, folder, seen)
    wrong += [said.read_text()[:2000]] if said.exists() and said.read_text().strip() else []
    events = sum(isinstance(record.fact, EventEmitted) for record in records)
    counts = {"records": len(records), "events": events, "a second": round(events / seconds), "rest": round(rest, 1)}
    return wrong, counts


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


async def _rest(store: Store) -> list[str]:
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        head = (await store.log.head()).position
        chain = await store.decisions.load("main")
        unread = await store.log.read(chain.row.through.position, 500)
        heard = any(isinstance(each.fact, EventEmitted) and each.fact.code == CODE for each in unread)
        if not heard and not await store.work.queued() and (await store.log.head()).position == head:
            return []
        await asyncio.sleep(0.1)
    return [f"not at rest after {REST_SECONDS:g} s: {await store.work.queued()} invocations are unfinished"]


def judge(records: list[Record], folder: Path, seen: list[int]) -> list[str]:
    """Say what must not be."""
    wrong: list[str] = []
    if [record.position for record in records] != list(range(1, len(records) + 1)):
        wrong.append("positions are not dense")
    if seen != list(range(1, len(seen) + 1)) or len(seen) < len(records):
        wrong.append(f"the reader saw {len(seen)} of {len(records)} positions, or not in order")
    at = {record.id: record.position for record in records}
    acts = [tuple(each) for path in sorted(folder.glob("*.jsonl")) for each in lines(path)]
    wrong += [
        f"{id}, sent at {sent}, was {word} and is {'' if id in at else 'not '}in the log"
        for sent, _, word, ids in acts
        for id in ids
        if (word == "told") != (id in at)
    ]
    wrong += _order([(sent, answered, [at[id] for id in ids if id in at]) for sent, answered, _, ids in acts])
    runs = Counter(each.source for record in records if isinstance(record.fact, TriggerFired)
                   for each in record.fact.participants)  # fmt: skip
    events = [record for record in records if isinstance(record.fact, EventEmitted) and record.fact.code == CODE]
    wrong += [f"event {each.id} has {runs[each.id]} runs" for each in events if runs[each.id] != 1]
    ends = sum(isinstance(record.fact, AttemptEnded) for record in records)
    if ends != len(events):
        wrong.append(f"{ends} ends for {len(events)} events")
    return wrong[:20]


def _order(acts: list[tuple[int, int, list[int]]]) -> list[str]:
    """What was acknowledged before another was sent stands before it."""
    answered = sorted((each for each in acts if each[2]), key=lambda each: each[1])
    wrong: list[str] = []
    latest = place = 0
    for sent, _, positions in sorted((each for each in acts if each[2]), key=lambda each: each[0]):
        while place < len(answered) and answered[place][1] < sent:
            latest = max(latest, *answered[place][2])
            place += 1
        if min(positions) < latest:
            wrong.append(f"position {min(positions)} was sent after {latest} was acknowledged")
    return wrong


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.emitting", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    said = parser.parse_args()
    with local(binaries(), SLOW) as server, tempfile.TemporaryDirectory(prefix="ensue-emitting-") as folder:
        url = f"{server.url}?schema=load&pool=4"
        wrong, counts = asyncio.run(run(url, said.processes, said.seconds, Path(folder)))
    if said.json:
        print(json.dumps({"wrong": wrong, **counts}))
    else:
        print(", ".join(f"{name} {count}" for name, count in counts.items()))
        print("\n".join(wrong) or f"all well: {said.processes} processes, commits slowed by 2 ms")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

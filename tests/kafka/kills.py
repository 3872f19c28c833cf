"""Ingesters and brokers that are killed at random while records come: what is in the topic is in the log, once.

Real processes (`ensue ingest`), real brokers, a real store. Ingesters get SIGKILL, SIGTERM, and SIGSTOP past their
lease; brokers get SIGKILL; on Postgres, sessions are cut so that commits stay unanswered. Then all of it stops, and
what a bare consumer finds in the topic is compared with the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from aiokafka.structs import ConsumerRecord

from ensue.ingest.cloudevents import Unreadable
from ensue.ingest.declared import declare
from ensue.ingest.reading import Reading
from ensue.ingest.topics import open_topic
from ensue.stores import open_store
from ensue_adapters.kafka.topic import message_of
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.defaults import DEFAULTS
from ensue_core.facts import EventEmitted, RecordParked
from ensue_core.ports import Store
from ensue_core.topics import Letter, Message
from tests.kafka.topics import create, producing, whole
from tests.servers.brokers import Broker, Cluster

PARTITIONS = 4
NAMESPACE = "kills"
SETTLE_SECONDS = 90.0


class Report(msgspec.Struct):
    """What was done, and what came of it."""

    produced: int = 0
    events: int = 0
    repeats: int = 0
    parked: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter[str])

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.produced} records in the topic: {self.events} events, {self.repeats} repeats, {self.parked} dead "
            f"letters, none twice, none hidden ({faults})"
        )


class Ingesting:
    """One `ensue ingest` process, started again whenever it has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        log = (self._folder / "ingest.log").open("ab")
        command = [sys.executable, "-m", "ensue_adapters.cli", "ingest"]
        with log:
            return subprocess.Popen[bytes](command, cwd=self._folder, env=environ(), stdout=log, stderr=log)

    def keep(self) -> None:
        """Start it again if it has ended."""
        if self.process.poll() is not None:
            self.process = self._start()

    def send(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        """End it for good."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        self.process.wait()


def environ() -> dict[str, str]:
    """The environment of a process of ours: nothing said by variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENSUE_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


class Kills:
    """One campaign of so many seconds on a store and brokers that are there."""

    def __init__(self, folder: Path, url: str, brokers: Cluster, seed: int, ingesters: int = 2) -> None:
        self._folder, self._url, self._brokers = folder, url, brokers
        self._random = random.Random(seed)
        self._count = ingesters
        self._topic = ""
        self._number = 0
        self.report = Report()

    async def run(self, seconds: float) -> Report:
        """Produce, kill, settle, compare. Raises `AssertionError` with what is wrong."""
        self._topic = await create(self._brokers.address, PARTITIONS, min(len(self._brokers.brokers), 3))
        self._configure()
        store = open_store(self._url, NAMESPACE, SYSTEM_CLOCK)
        await store.open()
        ingesters = [Ingesting(self._folder) for _ in range(self._count)]
        stop = asyncio.Event()
        producing_task = asyncio.ensure_future(self._produce(stop))
        try:
            await self._chaos(ingesters, seconds)
            stop.set()
            await producing_task
            await self._settle(store, ingesters)
            await self._compare(store)
        finally:
            producing_task.cancel()
            for each in ingesters:
                each.end()
            await asyncio.gather(producing_task, return_exceptions=True)
            await store.close()
        return self.report

    def _configure(self) -> None:
        (self._folder / "pyproject.toml").write_text(
            f"""
[tool.ensue]
url = "{self._url}"
app_id = "{NAMESPACE}"
lease_seconds = 3
heartbeat_seconds = 1
log_level = "warning"
[tool.ensue.ingest]
{self._topic} = "kafka://{self._brokers.address}/{self._topic}"
"""
        )

    # What comes.

    async def _produce(self, stop: asyncio.Event) -> None:
        """Produce all the time; a producer that fails is replaced, and may leave records twice or not at all."""
        while not stop.is_set():
            with contextlib.suppress(Exception):
                async with producing(self._brokers.address, request_timeout_ms=3_000, linger_ms=5) as producer:
                    while not stop.is_set():
                        sent = [await producer.send(self._topic, **self._record()) for _ in range(40)]
                        await asyncio.gather(*sent)
                        await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)

    def _record(self) -> dict[str, Any]:
        """The next record: mostly a new event, sometimes one that was before, one that clashes, or rubbish."""
        draw = self._random
        kind, place = draw.random(), {"partition": draw.randrange(PARTITIONS)}
        if kind < 0.02:
            return {"value": b"rubbish", **place}
        if kind < 0.05 and self._number:
            number = draw.randint(max(1, self._number - 500), self._number)
            value = b'{"n":%d}' % number if kind < 0.04 else b'{"other":%d}' % number
        else:
            self._number += 1
            number, value = self._number, b'{"n":%d}' % self._number
        id = str(number).encode()
        headers = [("ce_specversion", b"1.0"), ("ce_source", b"/kills"), ("ce_id", id), ("ce_type", b"order.paid")]
        return {"value": value, "key": id, "headers": headers, **place}

    # What goes wrong.

    async def _chaos(self, ingesters: list[Ingesting], seconds: float) -> None:
        acts: list[Callable[[list[Ingesting]], Awaitable[None]]] = [
            self._kill_ingester, self._kill_ingester, self._kill_ingester, self._stop_ingester, self._end_ingester,
            self._kill_broker,
        ]  # fmt: skip
        if self._url.startswith("postgresql:"):
            acts += [self._cut_sessions, self._cut_sessions]
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            await asyncio.sleep(self._random.uniform(0.2, 1.2))
            await self._random.choice(acts)(ingesters)
            for each in ingesters:
                each.keep()

    async def _kill_ingester(self, ingesters: list[Ingesting]) -> None:
        self.report.faults["ingesters killed"] += 1
        self._random.choice(ingesters).send(signal.SIGKILL)

    async def _end_ingester(self, ingesters: list[Ingesting]) -> None:
        self.report.faults["ingesters ended"] += 1
        self._random.choice(ingesters).send(signal.SIGTERM)

    async def _stop_ingester(self, ingesters: list[Ingesting]) -> None:
        self.report.faults["ingesters stopped for a while"] += 1
        one = self._random.choice(ingesters)
        one.send(signal.SIGSTOP)
        await asyncio.sleep(self._random.uniform(0.5, 4.5))
        one.send(signal.SIGCONT)

    async def _kill_broker(self, _: list[Ingesting]) -> None:
        self.report.faults["brokers killed"] += 1
        broker: Broker = self._random.choice(self._brokers.brokers)
        await asyncio.to_thread(broker.kill)
        await asyncio.sleep(self._random.uniform(0, 1))
        await asyncio.to_thread(broker.start)

    async def _cut_sessions(self, _: list[Ingesting]) -> None:
        self.report.faults["Postgres sessions cut"] += 1
        connection = await asyncpg.connect(self._url.partition("?")[0])
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'ensue%' AND state <> 'idle' AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    # What came of it.

    async def _settle(self, store: Store, ingesters: list[Ingesting]) -> None:
        """Wait until all that the topic holds was taken."""
        ends = dict.fromkeys(range(PARTITIONS), -1)
        for record in await self._records():
            ends[record.partition] = record.offset
        at: dict[int, int] = {}
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_SECONDS:
            for each in ingesters:
                each.keep()
            at = {row.partition: row.through for row in await store.offsets.rows(self._topic)}
            if all(at.get(partition, -1) >= end for partition, end in ends.items()):
                return
            await asyncio.sleep(0.2)
        said = (self._folder / "ingest.log").read_text("utf-8", "replace")[-3000:]
        raise AssertionError(f"not all was taken in {SETTLE_SECONDS:g} s: {at} of {ends}; {said}")

    async def _compare(self, store: Store) -> None:
        topic = {(each.partition, each.offset): message_of(each) for each in await self._records()}
        events: dict[tuple[int, int], bytes] = {}
        order: list[tuple[int, int]] = []
        ids: list[str] = []
        parked: list[tuple[int, int]] = []
        after = 0
        while page := await store.log.read(after, 2_000):
            after = page[-1].position
            for record in page:
                match record.fact:
                    case EventEmitted(origin=origin, payload=payload) if origin is not None:
                        place = origin.partition, origin.offset
                        assert place not in events, f"the record at {place} is two events"
                        events[place] = bytes(payload)
                        order.append(place)
                        ids.append(record.id)
                    case RecordParked(partition=partition, offset=offset):
                        parked.append((partition, offset))
                    case _:
                        pass
        assert len(ids) == len(set(ids)), "one id is two events"
        for partition in range(PARTITIONS):
            mine = [offset for number, offset in order if number == partition]
            assert mine == sorted(mine), f"partition {partition} is out of order"
        self._account(topic, events, parked)
        letters = [each async for each in self._letters()]
        kept = {(each.message.partition, each.message.offset): each.message.value for each in letters}
        assert set(kept) >= set(parked), "a parked record is in no dead letter"
        assert all(kept[place] == topic[place].value for place in parked), "a dead letter has other bytes"
        rows = await store.offsets.rows(self._topic)
        assert sum(row.events for row in rows) == len(events)
        dump = await store.dump_decisions()
        await store.rebuild_decisions()
        assert await store.dump_decisions() == dump, "a rebuild gives other offsets"
        self.report.produced, self.report.events, self.report.parked = len(topic), len(events), len(parked)
        self.report.repeats = sum(row.repeats for row in rows)

    def _account(
        self, topic: dict[tuple[int, int], Message], events: dict[tuple[int, int], bytes], parked: list[tuple[int, int]]
    ) -> None:
        """Every record of the topic is an event, a repeat of one, or parked; and nothing else is in the log."""
        reading = Reading(declare(f"kafka://b/{self._topic}"), NAMESPACE, DEFAULTS)
        assert set(events) <= set(topic), "an event that is not in the topic"
        assert len(parked) == len(set(parked)), "a record was parked twice"
        said: dict[str, bytes] = {}
        for place in events:
            said[reading.read(topic[place]).id] = events[place]
        for place, message in topic.items():
            if place in events:
                assert place not in parked
                continue
            try:
                draft = reading.read(message)
            except Unreadable:
                assert place in parked, f"the unreadable record at {place} is hidden"
                continue
            assert isinstance(draft.fact, EventEmitted)
            assert draft.id in said, f"the event at {place} is hidden"
            clashes = said[draft.id] != bytes(draft.fact.payload)
            assert clashes == (place in parked), f"the repeated event at {place}: clashes is {clashes}"

    async def _records(self) -> list[ConsumerRecord]:
        return await whole(self._brokers.address, self._topic, PARTITIONS)

    async def _letters(self) -> AsyncGenerator[Letter, None]:
        topic = open_topic(f"kafka://{self._brokers.address}/{self._topic}", NAMESPACE, SYSTEM_CLOCK)
        await topic.open()
        try:
            async for each in topic.letters():
                yield each
        finally:
            await topic.close()

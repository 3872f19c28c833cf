"""A log at a broker where things go wrong: what cannot be read, what lags, folds that break, two who decide."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ensue.testing.clock import ManualClock
from ensue.testing.conformance.drafts import claim_one, end, event, submitted
from ensue_adapters.broker.envelopes import encode
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.broker.views import Asked, Folding
from ensue_adapters.sqlite.folded import SQLiteFolded
from ensue_adapters.sqlite.store import SQLiteStore
from ensue_adapters.sqlite.url import parse_url
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import StoreError
from ensue_core.facts import AttemptEnded, EventEmitted, RecordParked
from ensue_core.ids import new_id
from ensue_projections.ordering import SPINE, Envelope, Line, Order
from ensue_projections.requests import Append, Finish
from tests.broker.simulated import Broker, Fate, Town

EVENTS: Line = ("events", 0)
ATTEMPTS: Line = ("attempts", 0)


@asynccontextmanager
async def opened(town: Town, fate: Fate | None = None) -> AsyncGenerator[BrokerStore, None]:
    """The store of one process."""
    store = town.store("a", SYSTEM_CLOCK, fate)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def land(broker: Broker, line: Line, envelope: Envelope) -> None:
    """Let an envelope land, from whomever."""
    broker.append(line, encode(envelope), SYSTEM_CLOCK.now())


async def test_a_record_that_cannot_be_read_is_parked_as_a_fact_and_stops_nothing() -> None:
    town = Town(1)
    async with opened(town) as store:
        await store.log.append([event("before")])
        town.broker("a").append(EVENTS, b"\xff not an envelope", SYSTEM_CLOCK.now())
        await store.log.append([event("after")])
        facts = [each.fact for each in await store.log.read(0, 9)]
    assert [type(each) for each in facts] == [EventEmitted, RecordParked, EventEmitted]
    parked = facts[1]
    assert isinstance(parked, RecordParked)
    assert (parked.topic, parked.partition, parked.offset) == ("sim.events", 0, 1)


async def test_a_record_that_lands_again_adds_nothing() -> None:
    town = Town(1)
    async with opened(town, lambda line, value: "twice") as store:
        await store.log.append([event("one"), event("two")])
        await store.log.append([event("three")])
        assert (await store.log.head()).position == 3


async def test_an_end_from_one_who_does_not_own_the_attempt_is_void() -> None:
    town = Town(1)
    async with opened(town) as store:
        await store.log.append([submitted()])
        mine = (await claim_one(store)).row
        stranger = end(mine, result=b'"stolen"').end
        land(town.broker("a"), ATTEMPTS, Envelope(new_id(), 0, (Finish(stranger, (), new_id()),)))
        assert await store.work.finish([end(mine, result=b'"mine"')]) == [True]
        ends = [each.fact for each in await store.log.read(0, 9) if isinstance(each.fact, AttemptEnded)]
    assert [bytes(each.result) for each in ends] == [b'"mine"']


async def test_a_line_that_lags_holds_time_back() -> None:
    town, clock = Town(1), ManualClock()
    store = town.store("a", clock)
    await store.open()
    broker = town.broker("a")
    await store.log.append([event("one")])
    broker.hide(ATTEMPTS)
    clock.advance(60)
    await store.log.append([event("two")])
    head = await store.log.head()
    assert await store.log.horizon(head.position, 0) <= head.time - 60_000_000
    broker.show(ATTEMPTS)
    assert await store.log.horizon(head.position, clock.now()) >= head.time
    await store.close()


async def test_offsets_stand_with_the_rows_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "views.db"
    store = SQLiteStore(parse_url(f"sqlite:///{file}"), "a", SYSTEM_CLOCK)
    folded = SQLiteFolded(store)
    await folded.open()
    before = await folded.stored()
    asked = [Asked(new_id(), SYSTEM_CLOCK.now(), (Append((event("one"),)),))]
    folding = Folding(before.version, asked, Order({EVENTS: 0, SPINE: 0}, {EVENTS: 1, SPINE: 1}, 1), "lines")
    with sqlite3.connect(file) as other:
        other.execute("CREATE TRIGGER broken BEFORE INSERT ON log BEGIN SELECT RAISE(FAIL, 'a broken disk'); END")
    with pytest.raises(StoreError):
        await folded.fold(folding)
    assert await folded.stored() == before
    with sqlite3.connect(file) as other:
        other.execute("DROP TRIGGER broken")
    done = await folded.fold(folding)
    assert done is not None
    assert await folded.stored() == done.stored != before
    assert await folded.fold(folding) is None
    assert (await store.log.head()).position == 1
    await folded.close()


async def test_an_answer_that_a_fold_lost_is_told_at_once() -> None:
    town = Town(1)
    async with opened(town) as store:
        await store.log.append([event("one")])
        folder = store._folder  # pyright: ignore[reportPrivateUsage]
        assert folder is not None
        views = folder._views  # pyright: ignore[reportPrivateUsage]
        fold = views.fold

        async def lose(folding: Folding) -> object:
            views.fold = fold  # type: ignore[method-assign]
            await fold(folding)
            raise StoreError("the connection was lost in COMMIT")

        views.fold = lose  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(2.0):
            with pytest.raises(StoreError, match="the answer was lost"):
                await store.log.append([event("two")])
        assert (await store.log.head()).position == 2

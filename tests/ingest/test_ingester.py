"""The ingester's loop: what it promises of a topic in memory, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from ensue import Engine, Event, EventContext, Tasks, on_event
from ensue.ingest.declared import Ingest, declare
from ensue.ingest.ingester import STALL_SECONDS, Ingester
from ensue.ingest.looking import look_at
from ensue.ingest.sharing import share_of
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_adapters.memory.topic import MemoryTopic, TopicData, topic_named
from ensue_core.defaults import Defaults
from ensue_core.errors import TopicUnavailable
from ensue_core.facts import EventEmitted, InvocationCreated, RecordParked, RecordsMissed
from ensue_core.ids import new_id
from ensue_core.records import Record, draft
from ensue_core.rows import TopicRow
from ensue_core.topics import Message, Topic
from tests.ingest.simulated import run
from tests.worker.virtual import LoopClock, virtual

PLAIN = declare("memory://orders?format=json", "order.paid")
DEFAULTS = Defaults(queued_max=10)


class Bench:
    """Ingesters of one topic on stores of one world."""

    def __init__(self, partitions: int = 1, declared: Ingest = PLAIN) -> None:
        self.data, self.world, self.clock, self.declared = TopicData(partitions), MemoryWorld(), LoopClock(), declared
        self.opened = 0
        self.kind = MemoryTopic

    def topic(self) -> Topic:
        """Another view of the topic."""
        self.opened += 1
        return self.kind(self.data, "orders", "a", self.clock)

    async def store(self) -> MemoryStore:
        """Another handle of the store."""
        store = MemoryStore(self.world, "a", self.clock)
        await store.open()
        return store

    @asynccontextmanager
    async def ingesting(self, name: str = "p1") -> AsyncGenerator[asyncio.Task[None], None]:
        """Run an ingester until the block ends, cleanly then."""
        ingester = Ingester(
            await self.store(), self.declared, self.topic, clock=self.clock, defaults=DEFAULTS, process=name
        )
        task = asyncio.ensure_future(ingester.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def records(self) -> list[Record]:
        """The log."""
        return self.world.space("a").records

    @property
    def payloads(self) -> list[bytes]:
        """The payloads of all events, in order."""
        return [bytes(each.fact.payload) for each in self.records if isinstance(each.fact, EventEmitted)]

    @property
    def offsets(self) -> dict[int, int]:
        """How far each partition was taken."""
        return {key[1]: row.through for key, row in self.world.space("a").topics.items()}


@pytest.mark.parametrize("first", range(0, 160, 20))
def test_whatever_goes_wrong_each_record_is_one_event_and_none_is_hidden(first: int) -> None:
    logging.disable(logging.ERROR)
    try:
        for seed in range(first, first + 20):
            run(seed)
    finally:
        logging.disable(logging.NOTSET)


@virtual
async def test_what_was_produced_before_and_after_the_start_is_taken_in_order() -> None:
    bench = Bench()
    bench.data.produce(b"1")
    async with bench.ingesting():
        await asyncio.sleep(0.1)
        assert bench.payloads == [b"1"]
        bench.data.produce(b"2")
        await asyncio.sleep(0.01)
        bench.data.produce(b"3")
        await asyncio.sleep(0.01)
        assert bench.payloads == [b"1", b"2", b"3"]
    assert bench.offsets == {0: 2}


@virtual
async def test_the_next_ingester_goes_on_where_the_log_stands() -> None:
    bench = Bench()
    for number in range(3):
        bench.data.produce(b"%d" % number)
        async with bench.ingesting(f"p{number}"):
            await asyncio.sleep(0.1)
    assert bench.payloads == [b"0", b"1", b"2"]


@virtual
async def test_latest_begins_at_the_ends_of_all_partitions_and_the_log_remembers_where() -> None:
    bench = Bench(2, declare("memory://orders?format=json&start=latest", "order.paid"))
    bench.data.produce(b'"old"')
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    assert bench.offsets == {0: 0, 1: -1}
    bench.data.produce(b'"meanwhile"', partition=1)
    partition = bench.data.add_partition()
    bench.data.produce(b'"new"', partition=partition)
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    assert sorted(bench.payloads) == [b'"meanwhile"', b'"new"']


@virtual
async def test_a_partition_that_is_added_is_read_from_its_start() -> None:
    bench = Bench()
    async with bench.ingesting():
        await asyncio.sleep(0.1)
        partition = bench.data.add_partition()
        bench.data.produce(b"1", partition=partition)
        await asyncio.sleep(15)
    assert bench.payloads == [b"1"]


@virtual
async def test_ingesters_share_partitions_and_who_leaves_is_followed_at_once() -> None:
    bench = Bench(6)

    async def spread() -> int:
        for partition in range(6):
            bench.data.produce(b"1", partition=partition)
        await asyncio.sleep(2.5)
        return len(bench.payloads)

    async with bench.ingesting("p1"):
        assert await spread() == 6
        async with bench.ingesting("p2"):
            await asyncio.sleep(2)
            assert await spread() == 12
            assert bench.opened == 2
        assert await spread() == 18


@virtual
async def test_the_partitions_of_one_that_died_are_taken_over_when_its_lease_has_run_out() -> None:
    bench = Bench(2)
    store = await bench.store()
    await store.leases.hold("ingester/orders/dead", "dead", "", DEFAULTS.lease_seconds)
    for partition in range(2):
        bench.data.produce(b"1", partition=partition)
    async with bench.ingesting("p1"):
        await asyncio.sleep(5)
        assert len(bench.payloads) == 1
        await asyncio.sleep(DEFAULTS.lease_seconds)
        assert len(bench.payloads) == 2


def test_every_partition_has_one_owner_and_nobody_idles_while_others_have_two() -> None:
    for count in range(1, 7):
        members = [f"p{number}" for number in range(count)]
        shares = [share_of(each, members, range(12)) for each in members]
        assert sorted(each for share in shares for each in share) == list(range(12))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert share_of("stranger", ["p1"], range(3)) == frozenset()


@virtual
async def test_what_cannot_be_read_is_kept_with_its_place_reason_and_bytes_and_the_topic_goes_on() -> None:
    bench = Bench()
    bench.data.produce(b"1")
    bench.data.produce(b"{broken", b"key", {"h": b"\xff"}, time=5)
    bench.data.produce(b"2")
    async with bench.ingesting():
        await asyncio.sleep(0.1)
        assert bench.payloads == [b"1", b"2"]
        topic = bench.topic()
        (letter,) = [each async for each in topic.letters()]
        assert letter.message == Message(0, 1, 5, b"key", b"{broken", (("h", b"\xff"),))
        assert "is not JSON" in letter.reason
        (parked,) = [each.fact for each in bench.records if isinstance(each.fact, RecordParked)]
        assert (parked.partition, parked.offset, parked.reason) == (0, 1, letter.reason)
        assert (await look_at_it(bench)).parked == 1


async def look_at_it(bench: Bench) -> TopicRow:
    """The topic's row."""
    (row,) = await (await bench.store()).offsets.rows("orders")
    return row


@virtual
async def test_a_letter_that_is_sent_again_and_can_be_read_by_then_is_one_event() -> None:
    strict = declare("memory://orders?format=json", Event("order.paid", dict[str, int]))
    bench = Bench(1, strict)
    bench.data.produce(b'{"order":"42"}')
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    assert bench.payloads == []
    bench.declared = PLAIN
    async with bench.ingesting():
        topic = bench.topic()
        for _ in range(2):
            await topic.resend([each async for each in topic.letters()])
            await asyncio.sleep(0.1)
        assert bench.payloads == [b'{"order":"42"}']
        assert [each.resent async for each in topic.letters()] == [True]
    row = await look_at_it(bench)
    assert (row.events, row.repeats, row.parked) == (1, 1, 1)


@virtual
async def test_records_that_were_deleted_unread_are_a_fact() -> None:
    bench = Bench()
    for number in range(3):
        bench.data.produce(b"%d" % number)
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    for number in range(3, 9):
        bench.data.produce(b"%d" % number)
    bench.data.delete(0, 7)
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    assert bench.payloads == [b"0", b"1", b"2", b"7", b"8"]
    assert [each.fact for each in bench.records if isinstance(each.fact, RecordsMissed)] == [
        RecordsMissed("orders", 0, 3, 6)
    ]


@virtual
async def test_what_was_deleted_before_the_first_reading_is_not_missed() -> None:
    bench = Bench()
    for number in range(3):
        bench.data.produce(b"%d" % number)
    bench.data.delete(0, 2)
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    assert bench.payloads == [b"2"]
    assert not [each for each in bench.records if isinstance(each.fact, RecordsMissed)]


async def test_a_topic_that_was_made_anew_is_refused_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for number in range(3):
        bench.data.produce(b"%d" % number)
    async with bench.ingesting():
        await asyncio.sleep(0.1)
    bench.data.partitions[0].clear()
    bench.data.produce(b"another")
    async with bench.ingesting():
        await asyncio.sleep(0.1)
        assert len(bench.payloads) == 3
    assert "partition 0 ends at offset 1, but 3 were taken in: the topic was made anew" in caplog.text
    assert "name=" in caplog.text


@virtual
async def test_a_topic_that_comes_back_is_read_on() -> None:
    bench = Bench()
    async with bench.ingesting():
        await asyncio.sleep(0.1)
        bench.data.away = True
        bench.data.produce(b"1")
        await asyncio.sleep(30)
        bench.data.away = False
        await asyncio.sleep(11)
        assert bench.payloads == [b"1"]


@virtual
async def test_it_waits_while_too_much_is_queued_and_goes_on_when_there_is_room() -> None:
    bench = Bench()
    store = await bench.store()
    work = [draft(new_id(), InvocationCreated("t", msgspec.Raw(b"{}"))) for _ in range(DEFAULTS.queued_max)]
    await store.log.append(work)
    async with bench.ingesting():
        bench.data.produce(b"1")
        await asyncio.sleep(20)
        assert bench.payloads == []
        bench.world.space("a").work.rows.popitem()
        bench.world.space("a").work.rows.popitem()
        await asyncio.sleep(3)
        assert bench.payloads == [b"1"]


@virtual
async def test_offsets_without_records_are_passed_so_that_nothing_seems_behind() -> None:
    bench = Bench()
    bench.data.produce(b"1")
    bench.data.skip(0, 2)
    async with bench.ingesting():
        await asyncio.sleep(5)
        assert bench.offsets == {0: 2}
        count = len(bench.records)
        await asyncio.sleep(60)
        assert len(bench.records) == count, "an idle topic fills the log"


class Deaf(MemoryTopic):
    """A client that has lost its way: it brings nothing any more."""

    async def read(self, limit: int, timeout: float) -> Mapping[int, Sequence[Message]]:
        """Bring nothing."""
        await self._clock.sleep(timeout)
        return {}


@virtual
async def test_a_client_that_brings_nothing_though_there_is_something_is_replaced() -> None:
    bench = Bench()
    bench.kind = Deaf
    async with bench.ingesting():
        await asyncio.sleep(1)
        bench.kind = MemoryTopic
        bench.data.produce(b"1")
        await asyncio.sleep(STALL_SECONDS + 15)
    assert bench.opened == 2
    assert bench.payloads == [b"1"]


async def test_a_topic_that_cannot_be_read_stops_a_program_that_does_nothing_else() -> None:
    topic_named("away").away = True
    engine = Engine("memory:")
    engine.ingest("memory://away")
    with pytest.raises(TopicUnavailable, match="topic 'away' cannot be reached"):
        async with engine.running(only=["ingester"]):
            pass
    async with engine.running():
        pass  # all else goes on, and the topic is waited for


def whose(context: EventContext[dict[str, str]]) -> dict[str, object]:
    """A provider that reads the record's key."""
    assert context.origin is not None
    return {"customer": context.origin.key}


async def test_one_topic_feeds_all_triggers_and_says_where_events_came_from() -> None:
    tasks = Tasks("shop")
    paid = Event("order.paid", dict[str, str])
    done: list[str] = []

    @tasks.task
    async def pack(order: str) -> None:
        done.append(f"pack {order}")

    @tasks.task
    async def tell(customer: str | None) -> None:
        done.append(f"tell {customer}")

    tasks.trigger(pack, on_event(paid).with_args_from_event("order"))
    tasks.trigger(tell, on_event(paid).with_args_from_event(whose))
    engine = Engine("memory:", tasks=[tasks])
    engine.ingest("memory://shop-orders?format=json", event=paid)
    data = topic_named("shop-orders")
    async with engine.running():
        data.produce(b'{"order":"42"}', b"customer", {"correlationid": b"tree", "traceparent": b"00-a"})
        for _ in range(1_000):
            if len(done) == 2:
                break
            await asyncio.sleep(0.01)
        (event,) = (await engine.events.list()).items
        found = await engine.events.get(event.id)
        assert (found.root, found.traceparent) == ("tree", "00-a")
        assert found.origin is not None
        assert (found.origin.offset, found.origin.key) == (0, "customer")
        view = await look_at(engine.store, engine.ingests[0])
        assert (view.behind, view.events, len(view.ingesters), view.partitions) == (0, 1, 1, 1)
    assert sorted(done) == ["pack 42", "tell customer"]

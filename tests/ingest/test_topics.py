"""What a topic's adapter promises, on a topic in memory and on a real Kafka broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from uuid import uuid4

import pytest
import pytest_asyncio

from ensue.ingest.topics import open_topic
from ensue_adapters.kafka import KafkaTopic
from ensue_adapters.memory.topic import topic_named
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import TopicUnavailable
from ensue_core.topics import RESENT_AS, Letter, Message, Span, Topic
from tests.kafka.topics import create, producing

Headers = Sequence[tuple[str, bytes | None]]
Produce = Callable[..., Awaitable[None]]


class World:
    """Topics of one kind: makes them, fills them, opens them."""

    def __init__(self, kind: str, address: str) -> None:
        self.kind, self.address = kind, address
        self._opened: list[Topic] = []

    async def make(self, partitions: int = 1) -> str:
        """Make a topic."""
        if self.kind == "kafka":
            return await create(self.address, partitions)
        name = f"t-{uuid4().hex[:12]}"
        topic_named(name, partitions)
        return name

    async def produce(
        self, name: str, *values: bytes | None, key: bytes | None = None, headers: Headers = (), partition: int = 0
    ) -> None:
        """Append records."""
        if self.kind == "memory":
            for each in values:
                topic_named(name).produce(each, key, headers, partition, SYSTEM_CLOCK.now() // 1000 * 1000)
            return
        async with producing(self.address) as producer:
            for each in values:
                await producer.send_and_wait(name, each, key, partition, headers=[*headers])

    async def open(self, name: str, namespace: str = "a") -> Topic:
        """Open a topic as an ingester does."""
        url = f"memory://{name}" if self.kind == "memory" else f"kafka://{self.address}/{name}"
        topic = open_topic(url, namespace, SYSTEM_CLOCK)
        self._opened.append(topic)
        await topic.open()
        return topic

    async def close(self) -> None:
        """Close what was opened."""
        for each in self._opened:
            await each.close()


@pytest_asyncio.fixture(params=["memory", "kafka"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A world of topics."""
    kind = str(request.param)
    made = World(kind, request.getfixturevalue("kafka").address if kind == "kafka" else "")
    try:
        yield made
    finally:
        await made.close()


async def read(topic: Topic, count: int, limit: int = 100) -> dict[int, list[Message]]:
    """Read until so many records have come."""
    found: dict[int, list[Message]] = {}
    async with asyncio.timeout(20):
        while sum(map(len, found.values())) < count:
            page: Mapping[int, Sequence[Message]] = await topic.read(limit, 0.5)
            assert sum(map(len, page.values())) <= limit
            for partition, messages in page.items():
                found.setdefault(partition, []).extend(messages)
    return found


async def letters(topic: Topic) -> list[Letter]:
    """All dead letters."""
    return [each async for each in topic.letters()]


async def test_bytes_keys_and_headers_come_as_they_were_sent(world: World) -> None:
    name = await world.make()
    headers = (("a", b"\xff\x00"), ("b", None), ("a", b"again"))
    await world.produce(name, b"\x00\xff", None, b"", key=b"\xfe", headers=headers)
    topic = await world.open(name)
    await topic.assign({0: -1})
    found = (await read(topic, 3))[0]
    assert [each.value for each in found] == [b"\x00\xff", None, b""]
    assert {(each.key, each.headers, each.partition) for each in found} == {(b"\xfe", headers, 0)}
    assert [each.offset for each in found] == [0, 1, 2]
    now = SYSTEM_CLOCK.now()
    assert all(now - 60_000_000 < each.time <= now + 1_000_000 and each.time % 1000 == 0 for each in found)


async def test_a_topic_tells_what_it_holds(world: World) -> None:
    name = await world.make(3)
    await world.produce(name, b"1", b"2", partition=1)
    topic = await world.open(name)
    assert dict(await topic.spans()) == {0: Span(0, 0), 1: Span(0, 2), 2: Span(0, 0)}


async def test_reading_begins_past_the_offset_and_only_where_it_is_assigned(world: World) -> None:
    name = await world.make(3)
    for partition in range(3):
        await world.produce(name, *[b"%d" % number for number in range(5)], partition=partition)
    topic = await world.open(name)
    await topic.assign({0: 1, 2: -1})
    found = await read(topic, 8, limit=3)
    assert {partition: [each.offset for each in some] for partition, some in found.items()} == {
        0: [2, 3, 4],
        2: [0, 1, 2, 3, 4],
    }
    assert await topic.read(10, 0.3) == {}
    assert dict(topic.reached()) == {0: 4, 2: 4}
    await topic.assign({1: 3})
    assert {partition: [each.offset for each in some] for partition, some in (await read(topic, 1)).items()} == {1: [4]}
    assert dict(topic.reached()) == {1: 4}


async def test_the_same_is_read_again_after_it_is_assigned_again(world: World) -> None:
    name = await world.make()
    await world.produce(name, *[b"%d" % number for number in range(50)])
    topic = await world.open(name)
    for after in (-1, 20, 10, 48):
        await topic.assign({0: after})
        found = (await read(topic, 49 - after, limit=7))[0]
        assert [each.offset for each in found] == list(range(after + 1, 50))


async def test_what_comes_while_it_waits_wakes_it(world: World) -> None:
    name = await world.make()
    topic = await world.open(name)
    await topic.assign({0: -1})
    waiting = asyncio.ensure_future(topic.read(10, 20))
    await asyncio.sleep(0.1)
    await world.produce(name, b"1")
    found = await asyncio.wait_for(waiting, 10)
    assert [each.value for each in found[0]] == [b"1"]


async def test_letters_are_kept_whole_each_once_for_each_namespace(world: World) -> None:
    name = await world.make(2)
    topic, other = await world.open(name), await world.open(name, "b")
    assert await letters(topic) == []
    one = Letter(Message(1, 17, 5_000, b"\xfe", b"\x00\xff", (("a", b"\xff"), ("n", None))), "no JSON: grüß")
    two = Letter(Message(0, 17, 0, None, None, ()), "it has no value")
    await topic.park([one, two])
    await topic.park([one])
    await other.park([two])
    found = await letters(topic)
    assert [(each.message, each.reason, each.resent) for each in found] == [
        (one.message, one.reason, False),
        (two.message, two.reason, False),
    ]
    assert [each.message for each in await letters(other)] == [two.message]


async def test_a_letter_that_is_resent_comes_again_with_its_first_place_and_is_marked(world: World) -> None:
    name = await world.make(2)
    await world.produce(name, b"x", partition=1)
    topic = await world.open(name)
    await topic.park([Letter(Message(1, 0, 5_000, b"k", b"{", (("a", b"b"),)), "no JSON")])
    (letter,) = await letters(topic)
    await topic.resend([letter])
    assert [each.resent for each in await letters(topic)] == [True]
    await topic.assign({0: -1, 1: 0})
    (again,) = (await read(topic, 1))[1]
    assert (again.key, again.value) == (b"k", b"{")
    assert again.headers == (("a", b"b"), (RESENT_AS, b"1/0/5000"))
    # Parked again it keeps the first place, and is a letter of its own.
    await topic.park([Letter(again, "no JSON")])
    first, second = await letters(topic)
    assert (first.resent, second.resent, second.message.offset) == (True, False, 1)
    await topic.resend([second])
    await topic.assign({1: 1})
    (third,) = (await read(topic, 1))[1]
    assert third.headers == again.headers


async def test_closing_twice_does_nothing_and_a_closed_topic_says_so(world: World) -> None:
    topic = await world.open(await world.make())
    await topic.close()
    await topic.close()
    if isinstance(topic, KafkaTopic):
        with pytest.raises(TopicUnavailable, match="is not open"):
            await topic.read(1, 0.1)

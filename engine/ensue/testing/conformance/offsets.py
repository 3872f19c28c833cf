"""Offsets of topics: a batch counts only where its partition's offset still stands where the batch begins."""

from __future__ import annotations

import asyncio
import random

import pytest

from ensue.testing.conformance.drafts import event, kinds, whole
from ensue.testing.conformance.handles import Handles
from ensue_core.facts import EventEmitted, Ingested, RecordParked, RecordsMissed
from ensue_core.ids import Id, derive, new_id
from ensue_core.ports import Store
from ensue_core.records import Draft, draft
from ensue_core.rows import TopicRow
from ensue_core.topics import Batch, Clashing, Overtaken, Taken

__all__ = ["TestIngesting"]


def batch(after: int, *drafts: Draft, through: int | None = None, partition: int = 0, topic: str = "orders") -> Batch:
    """A batch of one draft an offset, where nothing else is said."""
    return Batch(topic, partition, after, after + len(drafts) if through is None else through, drafts)


async def take(store: Store, *batches: Batch) -> list[Taken | Overtaken | Clashing]:
    """Hand batches over together."""
    return await store.offsets.ingest(batches)


@pytest.mark.asyncio
class TestIngesting:
    """`ingest` and `rows`."""

    async def test_a_topic_that_was_never_read_has_no_rows(self, make_store: Handles) -> None:
        store = await make_store()
        assert list(await store.offsets.rows("orders")) == []
        assert await take(store) == []

    async def test_a_batch_and_its_offset_come_together(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        mine = [event(payload=b"%d" % number) for number in range(3)]
        assert await take(store, batch(-1, *mine, through=6)) == [Taken(3)]
        assert list(await other.offsets.rows("orders")) == [TopicRow("orders", 0, 6, 3)]
        records = await whole(other)
        assert [each.id for each in records[:3]] == [each.id for each in mine]
        assert records[3].fact == Ingested("orders", 0, -1, 6, 3)

    async def test_a_batch_that_begins_elsewhere_is_void_as_a_whole(self, make_store: Handles) -> None:
        store = await make_store()
        assert await take(store, batch(-1, event(), event())) == [Taken(2)]
        for after in (-1, 0, 2, 7):
            assert await take(store, batch(after, event(), through=9)) == [Overtaken(1)]
        assert await take(store, batch(4, event(), partition=1)) == [Overtaken(-1)]
        assert (await store.log.head()).position == 3
        assert await take(store, batch(1, event())) == [Taken(1)]

    async def test_the_same_batch_again_is_void(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        mine = batch(-1, event(), event())
        assert await take(store, mine) == [Taken(2)]
        assert await take(other, mine) == [Overtaken(1)]
        assert (await store.log.head()).position == 3

    async def test_of_many_that_bring_the_same_one_wins(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        for start in range(-1, 9, 2):
            batches = [batch(start, event(), event()) for _ in range(6)]
            answers = await asyncio.gather(
                *(handles[number % 3].offsets.ingest([each]) for number, each in enumerate(batches))
            )
            outcomes = [outcome for answer in answers for outcome in answer]
            assert outcomes.count(Taken(2)) == 1
            assert outcomes.count(Overtaken(start + 2)) == 5
        assert await kinds(handles[0]) == ["EventEmitted", "EventEmitted", "Ingested"] * 5

    async def test_partitions_and_topics_move_alone(self, make_store: Handles) -> None:
        store = await make_store()
        answers = await take(
            store,
            batch(-1, event()),
            batch(-1, event(), event(), partition=1),
            batch(3, event(), partition=2),
            batch(-1, event(), topic="parcels"),
        )
        assert answers == [Taken(1), Taken(2), Overtaken(-1), Taken(1)]
        assert list(await store.offsets.rows("orders")) == [TopicRow("orders", 0, 0, 1), TopicRow("orders", 1, 1, 2)]
        assert list(await store.offsets.rows("parcels")) == [TopicRow("parcels", 0, 0, 1)]
        assert list(await store.offsets.rows("order")) == []

    async def test_batches_of_one_partition_follow_each_other(self, make_store: Handles) -> None:
        store = await make_store()
        answers = await take(store, batch(-1, event()), batch(0, event()), batch(0, event()), batch(1, event()))
        assert answers == [Taken(1), Taken(1), Overtaken(1), Taken(1)]
        assert list(await store.offsets.rows("orders")) == [TopicRow("orders", 0, 2, 3)]

    async def test_an_id_that_stands_brings_no_event_and_moves_the_offset(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event(id=new_id())
        await store.log.append([mine])
        assert await take(store, batch(-1, event(), mine, mine)) == [Taken(1, 2)]
        assert await take(store, batch(2, mine)) == [Taken(0, 1)]
        assert list(await store.offsets.rows("orders")) == [TopicRow("orders", 0, 3, 1, 3)]
        assert await kinds(store) == ["EventEmitted", "EventEmitted", "Ingested", "Ingested"]

    async def test_an_id_twice_in_one_transaction_is_one_event(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event(id=new_id())
        answers = await take(store, batch(-1, mine), batch(-1, event(), mine, partition=1))
        assert answers == [Taken(1), Taken(1, 1)]
        assert await kinds(store) == ["EventEmitted", "Ingested", "EventEmitted", "Ingested"]

    async def test_an_id_that_says_something_else_stops_its_batch_and_no_other(self, make_store: Handles) -> None:
        store = await make_store()
        one, other = new_id(), new_id()
        ones = [event(payload=b"%d" % number, id=one) for number in range(3)]
        others = [event(payload=b"%d" % number, id=other) for number in range(3)]
        await store.log.append([ones[1]])
        answers = await take(
            store,
            batch(-1, event(), ones[2], others[1], others[2]),
            batch(3, event()),
            batch(-1, others[0], ones[1], partition=1),
        )
        assert answers == [Clashing((1, 3)), Overtaken(-1), Taken(1, 1)]
        assert await kinds(store) == ["EventEmitted", "EventEmitted", "Ingested"]

    async def test_what_became_no_event_is_counted(self, make_store: Handles) -> None:
        store = await make_store()
        parked = draft(new_id(), RecordParked("orders", 0, 4, "no JSON"))
        missed = draft(new_id(), RecordsMissed("orders", 0, 0, 3))
        assert await take(store, batch(-1, missed, parked, event(), through=5)) == [Taken(1)]
        assert await take(store, batch(5, through=8)) == [Taken(0)]
        assert list(await store.offsets.rows("orders")) == [TopicRow("orders", 0, 8, 1, 0, 1, 4)]
        assert await kinds(store) == ["RecordsMissed", "RecordParked", "EventEmitted", "Ingested", "Ingested"]

    async def test_offsets_of_one_namespace_are_not_those_of_another(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        await take(one, batch(-1, event()))
        assert list(await other.offsets.rows("orders")) == []
        assert await take(other, batch(-1, event(), event())) == [Taken(2)]

    @pytest.mark.parametrize("seed", range(4))
    async def test_ingesters_that_race_take_each_offset_once_and_a_rebuild_gives_the_same(
        self, make_store: Handles, seed: int
    ) -> None:
        stores = [await make_store(), await make_store()]
        chance = random.Random(seed)
        # Some offsets are gaps, some records repeat an id of before.
        source = {offset: offset % 9 for offset in range(60) if chance.random() > 0.2}

        async def ingest(number: int) -> None:
            store, reached = stores[number % 2], -1
            while reached < 59:
                through = min(reached + chance.randint(1, 9), 59)
                drafts = [_at(offset, source[offset]) for offset in range(reached + 1, through + 1) if offset in source]
                (outcome,) = await store.offsets.ingest([Batch("t", 3, reached, through, tuple(drafts))])
                assert not isinstance(outcome, Clashing)
                reached = outcome.through if isinstance(outcome, Overtaken) else through

        await asyncio.gather(*(ingest(number) for number in range(4)))
        records = await whole(stores[0])
        events = [each.id for each in records if isinstance(each.fact, EventEmitted)]
        wanted = {_at(offset, source[offset]).id: None for offset in sorted(source)}
        assert events == list(wanted)
        (row,) = await stores[1].offsets.rows("t")
        assert (row.through, row.events, row.events + row.repeats) == (59, len(events), len(source))
        dump = await stores[0].dump_decisions()
        assert dump["topics"]
        await stores[0].rebuild_decisions()
        assert await stores[0].dump_decisions() == dump


def _at(offset: int, number: int) -> Draft:
    """The event at an offset: most have an id of their own, some say again what an earlier one said."""
    id: Id = derive(5, "event", number if offset % 2 else offset + 100)
    return event(payload=b"1", id=id)

"""The log: dense, ordered, whole batches, each id once, exact bytes, time that never goes back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from ensue.testing.clock import ManualClock
from ensue.testing.conformance.drafts import (
    cancellation,
    claim_one,
    commit,
    declared,
    end,
    event,
    fired,
    kinds,
    matched,
    step,
    submitted,
    whole,
)
from ensue.testing.conformance.handles import Handles
from ensue_core.defaults import SECOND
from ensue_core.errors import StoreError
from ensue_core.facts import EventEmitted, InvocationCreated
from ensue_core.ids import NO_ID, Id, derive_keyed, new_id
from ensue_core.ports import Committed, Head, Log
from ensue_core.records import draft
from ensue_core.values import encode

__all__ = ["TestAppending", "TestBytes", "TestLogTime", "TestNamespaces", "TestOneId", "TestReading"]


@pytest.mark.asyncio
class TestAppending:
    """Positions and batches."""

    async def test_an_empty_log_has_no_head(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.log.head() == Head(0, 0)
        assert await whole(store) == []

    async def test_nothing_appended_changes_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.log.append([]) == []
        assert await store.log.head() == Head(0, 0)

    async def test_positions_are_dense_and_begin_at_one(self, make_store: Handles) -> None:
        store = await make_store()
        answers = [
            *await store.log.append([event(), event()]),
            *await store.log.append([event()]),
            *await store.log.append([event() for _ in range(5)]),
        ]
        assert [each.position for each in answers] == list(range(1, 9))
        assert [record.position for record in await whole(store)] == list(range(1, 9))

    async def test_positions_stay_dense_over_steps_claims_ends_and_cancellations(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        await commit(store, fired())
        for _ in range(2):
            claimed = await claim_one(store)
            assert await store.work.finish([end(claimed.row, "SUCCESS", event())]) == [True]
        claimed = await claim_one(store)
        assert await store.work.cancel(cancellation(claimed.row.invocation))
        head = await store.log.head()
        assert [record.position for record in await whole(store)] == list(range(1, head.position + 1))
        assert head.position == 2 + 2 + 3 * 2 + 2

    async def test_a_batch_keeps_its_order(self, make_store: Handles) -> None:
        store = await make_store()
        drafts = [event(payload=b"%d" % number) for number in range(200)]
        await store.log.append(drafts)
        assert [record.id for record in await whole(store)] == [each.id for each in drafts]

    async def test_an_append_is_there_for_other_handles_on_return(self, make_store: Handles) -> None:
        one, other = await make_store(), await make_store()
        for number in range(1, 20):
            await one.log.append([event()])
            assert (await other.log.head()).position == number

    async def test_an_append_outlives_its_handle(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(), event()])
        await store.close()
        assert (await (await make_store()).log.head()).position == 2

    async def test_concurrent_batches_are_whole_and_dense(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        batches = [[event(f"batch.{number}") for _ in range(5)] for number in range(30)]
        answers = await asyncio.gather(*(handles[number % 3].log.append(batch) for number, batch in enumerate(batches)))
        records = await whole(handles[0])
        assert [record.position for record in records] == list(range(1, 151))
        assert {record.id: record.position for record in records} == {
            each.id: appended.position
            for batch, answer in zip(batches, answers, strict=True)
            for each, appended in zip(batch, answer, strict=True)
        }
        for answer in answers:
            first = answer[0].position
            assert [each.position for each in answer] == list(range(first, first + 5))

    async def test_a_batch_is_never_seen_in_part(self, make_store: Handles) -> None:
        writer, reader = await make_store(), await make_store()
        writing = asyncio.ensure_future(_append_batches(writer.log, 40, 7))
        seen: set[int] = set()
        while not writing.done():
            seen.add((await reader.log.head()).position % 7)
            seen.add(len(await whole(reader)) % 7)
        await writing
        assert seen == {0}


async def _append_batches(log: Log, batches: int, size: int) -> None:
    for _ in range(batches):
        await log.append([event() for _ in range(size)])


@pytest.mark.asyncio
class TestReading:
    """Reading forward, by position and by id."""

    async def test_read_returns_what_was_appended(self, make_store: Handles) -> None:
        store = await make_store()
        fact = EventEmitted("a.b", msgspec.Raw(b'{"x":1}'), emitter=new_id(), emitter_task="t", depth=3)
        mine = draft(new_id(), fact, cause="the-cause", root="the-root")
        await store.log.append([mine])
        (record,) = await whole(store)
        assert (record.id, record.cause, record.root) == (mine.id, "the-cause", "the-root")
        assert (record.kind, record.version, record.data) == ("EventEmitted", 1, mine.data)
        assert record.time == make_store.clock.now()

    async def test_a_record_without_a_root_begins_its_own_tree(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event()
        await store.log.append([mine])
        (record,) = await store.log.read(0, 1)
        assert (record.root, record.cause) == (mine.id, None)

    async def test_read_is_past_the_position_and_within_the_limit(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event() for _ in range(10)])
        for after, limit in ((0, 1), (3, 4), (8, 4), (9, 1)):
            page = [record.position for record in await store.log.read(after, limit)]
            assert 1 <= len(page) <= limit
            assert page == list(range(after + 1, after + 1 + len(page)))
        assert list(await store.log.read(10, 4)) == []
        assert list(await store.log.read(99, 4)) == []

    async def test_what_is_known_is_what_a_read_gives(self, make_store: Handles) -> None:
        one, two = await make_store(), await make_store()
        for number in range(12):
            await (two if number % 5 == 3 else one).log.append([event() for _ in range(number % 4 + 1)])
            records = await whole(one)
            for store in (one, two):
                for after, limit in ((0, 3), (len(records) - 2, 9), (len(records), 9), (99, 9)):
                    known = list(store.log.known(after, limit))
                    assert known == records[after:][: min(len(known), limit)]
                    assert len(known) <= limit

    async def test_read_at_leaves_out_what_is_not_there(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event(f"n.{number}") for number in range(5)])
        found = await store.log.read_at([2, 5, 6, 0, 2])
        assert {position: record.position for position, record in found.items()} == {2: 2, 5: 5}
        assert await store.log.read_at([]) == {}

    async def test_read_at_takes_many_positions(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event() for _ in range(2500)])
        assert sorted(await store.log.read_at(range(1, 2501))) == list(range(1, 2501))

    async def test_find_returns_the_record_of_an_id(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event()
        await store.log.append([event(), mine, event()])
        record = await store.log.find(mine.id)
        assert record is not None
        assert (record.position, record.data) == (2, mine.data)
        assert await store.log.find(new_id()) is None

    async def test_a_reader_never_meets_a_gap(self, make_store: Handles) -> None:
        writers = [await make_store() for _ in range(3)]
        reader = await make_store()
        writing = asyncio.gather(*(_append_batches(each.log, 30, 3) for each in writers))
        seen: list[int] = []
        while not writing.done() or len(seen) < 270:
            seen += [record.position for record in await reader.log.read(len(seen), 11)]
        await writing
        assert seen == list(range(1, 271))


@pytest.mark.asyncio
class TestOneId:
    """An id stands once; a repeated one says where."""

    async def test_a_repeated_id_adds_nothing(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event(id=new_id())
        await store.log.append([event(), mine])
        (answer,) = await store.log.append([mine])
        assert (answer.position, answer.duplicate, answer.conflict) == (2, True, False)
        assert (await store.log.head()).position == 2

    async def test_a_repeated_id_is_known_to_other_handles(self, make_store: Handles) -> None:
        mine = event(id=new_id())
        await (await make_store()).log.append([mine])
        (answer,) = await (await make_store()).log.append([mine])
        assert (answer.position, answer.duplicate) == (1, True)

    async def test_a_repeated_id_finds_a_record_that_was_not_marked(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event()
        await store.log.append([mine])
        (answer,) = await store.log.append([msgspec.structs.replace(mine, repeatable=True)])
        assert (answer.position, answer.duplicate) == (1, True)

    async def test_another_payload_under_one_id_is_a_conflict(self, make_store: Handles) -> None:
        store = await make_store()
        id = derive_keyed("a", "order.paid", "k")
        await store.log.append([event(payload=b'{"n":1}', id=id, key="k")])
        (answer,) = await store.log.append([event(payload=b'{"n":2}', id=id, key="k")])
        assert (answer.position, answer.duplicate, answer.conflict) == (1, True, True)
        (record,) = await whole(store)
        assert isinstance(record.fact, EventEmitted)
        assert bytes(record.fact.payload) == b'{"n":1}'

    async def test_other_arguments_under_one_id_are_a_conflict(self, make_store: Handles) -> None:
        store = await make_store()
        id = new_id()
        await store.log.append([submitted(arguments=b'{"n":1}', id=id)])
        same, other = await store.log.append(
            [submitted(arguments=b'{"n":1}', id=id), submitted(arguments=b'{"n":true}', id=id)]
        )
        assert (same.duplicate, same.conflict) == (True, False)
        assert (other.duplicate, other.conflict) == (True, True)
        assert await store.work.queued() == 1

    async def test_the_payload_makes_a_conflict_and_not_who_emitted_it(self, make_store: Handles) -> None:
        store = await make_store()
        id = new_id()
        payload = msgspec.Raw(b'{"n":1}')
        one = EventEmitted("order.paid", payload, "k", emitter=new_id(), emitter_task="a", depth=1)
        other = EventEmitted("order.paid", payload, "k", correlation="c", traceparent="x")
        await store.log.append([draft(id, one, root="r1", repeatable=True)])
        (answer,) = await store.log.append([draft(id, other, root="r2", cause="c2", repeatable=True)])
        assert (answer.duplicate, answer.conflict) == (True, False)

    async def test_one_conflict_does_not_stop_the_others(self, make_store: Handles) -> None:
        store = await make_store()
        id = new_id()
        await store.log.append([event(payload=b"1", id=id)])
        answers = await store.log.append([event(), event(payload=b"2", id=id), event(id=new_id())])
        assert [(each.position, each.conflict) for each in answers] == [(2, False), (1, True), (3, False)]
        assert (await store.log.head()).position == 3

    async def test_an_id_repeated_within_a_batch_stands_once(self, make_store: Handles) -> None:
        store = await make_store()
        id = new_id()
        answers = await store.log.append(
            [event(payload=b"1", id=id), event(), event(payload=b"1", id=id), event(payload=b"2", id=id)]
        )
        assert [each.position for each in answers] == [1, 2, 1, 1]
        assert [each.duplicate for each in answers] == [False, False, True, True]
        assert [each.conflict for each in answers] == [False, False, False, True]
        assert (await store.log.head()).position == 2

    async def test_racing_handles_add_one_id_once(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        for _ in range(10):
            mine = event(id=new_id())
            answers = await asyncio.gather(*(each.log.append([mine]) for each in handles))
            assert sorted(answer.duplicate for (answer,) in answers) == [False, True, True]
            assert len({answer.position for (answer,) in answers}) == 1
        assert (await handles[0].log.head()).position == 10

    async def test_an_unmarked_id_never_stands_twice(self, make_store: Handles) -> None:
        store = await make_store()
        mine = event()
        await store.log.append([mine])
        with suppress(StoreError):
            await store.log.append([mine])
        assert [record.id for record in await whole(store)] == [mine.id]

    async def test_a_repeated_submit_registers_once(self, make_store: Handles) -> None:
        store = await make_store()
        mine = submitted(id=new_id())
        for _ in range(3):
            await store.log.append([mine])
        assert await store.work.queued() == 1
        assert len(await store.work.claim("w1", ["shop.pay"], 10, 15)) == 1


@pytest.mark.asyncio
class TestLogTime:
    """Log time follows the store's clock, and never goes back."""

    async def test_a_record_carries_the_stores_time(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        make_store.clock.advance(7)
        await store.log.append([event()])
        one, other = await whole(store)
        assert other.time == make_store.clock.now() == one.time + 7 * SECOND
        assert await store.log.head() == Head(2, other.time)

    async def test_log_time_stands_while_the_clock_is_behind(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([event()])
        before = (await store.log.head()).time
        make_store.clock.step(-3600)
        await store.log.append([event()])
        assert (await store.log.head()).time == before
        make_store.clock.step(3601)
        await store.log.append([event()])
        assert (await store.log.head()).time == before + SECOND

    async def test_two_clocks_make_one_log_time(self, make_store: Handles) -> None:
        clock = make_store.clock
        handles = [await make_store(clock=ManualClock(clock.now() + skew * SECOND)) for skew in (0, 60, -60)]
        for number in range(12):
            await handles[number % 3].log.append([event()])
        times = [record.time for record in await whole(handles[0])]
        assert times == sorted(times)
        assert times[0] == clock.now()
        assert times[-1] == clock.now() + 60 * SECOND

    async def test_log_time_is_never_less_than_a_steps_clock(self, make_store: Handles) -> None:
        store = await make_store()
        later = make_store.clock.now() + 500 * SECOND
        outcome = await store.decisions.commit(step(clock=later))
        assert isinstance(outcome, Committed)
        assert outcome.records[-1].time == later
        await store.log.append([event()])
        assert (await store.log.head()).time == later

    async def test_every_way_in_keeps_log_time(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted(), submitted()])
        for act in ("claim", "finish", "step", "cancel"):
            make_store.clock.step(-10)
            if act == "claim":
                await claim_one(store)
            elif act == "finish":
                records = await whole(store)
                row = await store.work.get(records[0].id)
                assert row is not None
                assert await store.work.finish([end(row)]) == [True]
            elif act == "step":
                await commit(store, event())
            else:
                assert await store.work.cancel(cancellation((await store.log.read(1, 1))[0].id))
        times = [record.time for record in await whole(store)]
        assert len(times) == 7
        assert len(set(times)) == 1


_DEEP = b'{"a":' * 60 + b"[]" + b"}" * 60
_ODD_PAYLOADS = [
    b'{"nul":"a\\u0000b"}',
    b'{"pair":"\\ud83d\\ude00","plain":"\xf0\x9f\x98\x80"}',
    b'{"b":1,"a":2,"b":3}',
    b"[1.0,1,1e5,100000.0,-0.0,0.1000000000000000055,12345678901234567890123]",
    b'{ "spaces" :  [ 1 , 2 ]\n}',
    b'"\'; DROP TABLE log; --"',
    b"null",
    b'""',
    _DEEP,
    b'"' + b"x" * (256 * 1024 - 2) + b'"',
    encode("é" * 1000, "text"),
]


@pytest.mark.asyncio
class TestBytes:
    """Payloads come back as the very bytes that went in."""

    @pytest.mark.parametrize("payload", _ODD_PAYLOADS, ids=range(len(_ODD_PAYLOADS)))
    async def test_a_payload_comes_back_byte_for_byte(self, make_store: Handles, payload: bytes) -> None:
        store = await make_store()
        mine = event(payload=payload)
        await store.log.append([mine])
        records = [(await (await make_store()).log.read(0, 1))[0], await store.log.find(mine.id)]
        for record in records:
            assert record is not None
            assert isinstance(record.fact, EventEmitted)
            assert bytes(record.fact.payload) == payload
            assert record.data == mine.data

    async def test_arguments_come_back_with_the_claim(self, make_store: Handles) -> None:
        store = await make_store()
        for number, payload in enumerate(_ODD_PAYLOADS):
            await store.log.append([submitted(f"task.{number}", payload)])
            fact = (await claim_one(store, task=f"task.{number}")).record.fact
            assert isinstance(fact, InvocationCreated)
            assert bytes(fact.arguments) == payload

    @pytest.mark.parametrize("code", ["a", "é.ü", "a'b\"c", "a%b_c", "x" * 300, "with space"])
    async def test_names_are_kept_as_they_are(self, make_store: Handles, code: str) -> None:
        store = await make_store()
        await store.log.append([event(code), submitted(code)])
        one, _ = await whole(store)
        assert isinstance(one.fact, EventEmitted)
        assert one.fact.code == code
        assert [each.row.task for each in await store.work.claim("w1", [code], 5, 15)] == [code]


@pytest.mark.asyncio
class TestNamespaces:
    """Nothing crosses namespaces."""

    async def test_each_namespace_has_its_own_positions(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        await one.log.append([event(), event()])
        assert await other.log.head() == Head(0, 0)
        (answer,) = await other.log.append([event()])
        assert answer.position == 1
        assert (await one.log.head()).position == 2
        assert [record.position for record in await whole(other)] == [1]

    async def test_one_id_may_stand_in_two_namespaces(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        mine = event(id=new_id())
        await one.log.append([mine])
        assert await other.log.find(mine.id) is None
        (answer,) = await other.log.append([mine])
        assert (answer.position, answer.duplicate) == (1, False)

    async def test_a_namespace_that_contains_anothers_name_is_another(self, make_store: Handles) -> None:
        names = ["a", "A", "a ", "ab", "a%", "_", "ü", "a'b"]
        for number, name in enumerate(names):
            store = await make_store(name)
            await store.log.append([event() for _ in range(number + 1)])
        for number, name in enumerate(names):
            assert (await (await make_store(name)).log.head()).position == number + 1

    async def test_work_does_not_cross(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        mine = submitted()
        await one.log.append([mine])
        assert list(await other.work.claim("w1", ["shop.pay"], 5, 15)) == []
        assert await other.work.next_due(["shop.pay"]) is None
        assert await other.work.queued() == 0
        assert await other.work.get(Id(mine.id)) is None

    async def test_chains_do_not_cross(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        await commit(one, declared(), matched(1))
        chain = await other.decisions.load("main")
        assert (chain.row.step, chain.triggers, chain.timers, chain.waiting) == (NO_ID, (), (), ())
        assert list(await other.decisions.chains()) == []
        assert isinstance(await other.decisions.commit(step()), Committed)

    async def test_times_do_not_cross(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        await one.decisions.commit(step(clock=make_store.clock.now() + 100 * SECOND))
        await other.log.append([event()])
        assert (await other.log.head()).time == make_store.clock.now()

    async def test_a_rebuild_of_one_leaves_the_other(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        await one.log.append([submitted()])
        await other.log.append([submitted(), submitted()])
        before = await other.dump_decisions()
        await one.rebuild_decisions()
        assert await other.dump_decisions() == before
        assert await kinds(other) == ["InvocationCreated"] * 2

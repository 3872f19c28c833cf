"""Cause and effect, both ways; and the log's tail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from ensue.testing import engine_for
from ensue.trace import NODES_MAX, Node, last_root
from ensue_core.errors import NotFound
from ensue_core.facts import EventEmitted
from ensue_core.ids import Id, new_id
from ensue_core.records import Record, draft
from ensue_core.values import encode
from tests.queries import shop


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def shape(node: Node, depth: int = 0) -> list[str]:
    return [
        line
        for each in [f"{'  ' * depth}{node.kind} {node.name}"]
        for line in [each, *(line for child in node.children for line in shape(child, depth + 1))]
    ]


async def test_a_trace_holds_everything_that_came_of_an_event() -> None:
    async with engine_for(shop.tasks) as kit:
        paid = await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        found = await kit.engine.trace(paid.id)
        assert (found.target, found.root.id, found.omitted) == (paid.id, paid.id, 0)
        assert shape(found.root) == [
            "event order.paid",
            "  run ship/0",
            "    invocation ship",
            "      event order.shipped",
            "        run close/0",
            "          invocation close",
            "      run notify/0",
            "        invocation notify",
            "          run compensate/0",
            "            invocation compensate",
            "  run close/0",
        ]
        closed = [each for each in walk(found.root) if each.name == "close/0"]
        assert [each.again for each in closed] == [False, True]
        assert [each.name for each in closed[0].participants] == ["order.paid", "order.shipped"]
        failed = next(each for each in walk(found.root) if each.name == "notify" and each.kind == "invocation")
        assert (failed.status, failed.error, failed.attempts) == ("FAILED", "builtins.ValueError: no mail today", 1)
        assert found.nodes == len(list(walk(found.root)))


async def test_a_trace_from_within_shows_the_way_down_to_it_and_what_it_caused() -> None:
    async with engine_for(shop.tasks) as kit:
        paid = await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        told = (await kit.engine.invocations.list(task="notify")).items[0]
        found = await kit.engine.trace(told.id)
        assert found.root.id == paid.id
        assert shape(found.root) == [
            "event order.paid",
            "  run ship/0",
            "    invocation ship",
            "      run notify/0",
            "        invocation notify",
            "          run compensate/0",
            "            invocation compensate",
        ]
        assert [each.id for each in walk(found.root) if each.target] == [told.id]


async def test_a_record_of_an_attempt_stands_for_its_invocation_and_a_slot_for_itself() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.advance("1d")
        records = {record.kind: record for record in await kit.engine.store.log.read(0, 1_000)}
        slot = await kit.engine.trace(records["CronTicked"].id)
        assert shape(slot.root) == ["slot slot of tidy/0", "  run tidy/0", "    invocation tidy"]
        ended = await kit.engine.trace(records["AttemptEnded"].id)
        assert ended.root.id == slot.root.id
        assert ended.target == slot.root.children[0].children[0].id
        step = await kit.engine.trace(records["Decided"].id)
        assert (step.root.kind, step.root.children) == ("record", ())
        with pytest.raises(NotFound):
            await kit.engine.trace("0" * 32)


async def test_the_last_root_is_the_newest_thing_that_nothing_caused() -> None:
    async with engine_for(shop.tasks) as kit:
        assert await last_root(kit.engine.store) is None
        await kit.advance("4h")
        root = await last_root(kit.engine.store)
        assert root is not None
        assert (await kit.engine.trace(root)).root.kind == "slot"
        paid = await kit.emit("order.paid", {"order": 1})
        await kit.settle()
        assert await last_root(kit.engine.store) == paid.id
        fired = await kit.engine.triggers.fire("ship/0", {"order": 3})
        await kit.settle()
        assert await last_root(kit.engine.store) == Id(fired.run)
        assert (await kit.engine.trace(fired.invocation)).root.id == fired.run


async def test_a_wide_trace_is_bounded_and_counts_what_it_leaves_out() -> None:
    async with engine_for(shop.tasks) as kit:
        store = kit.engine.store
        handle = await shop.flaky.submit()
        raw = msgspec.Raw(encode({}, "payload"))
        fact = EventEmitted("noise", raw, emitter=Id(handle.id), emitter_task="flaky")
        count = NODES_MAX + 50
        await store.log.append([draft(new_id(), fact, cause=handle.id, root=handle.id) for _ in range(count)])
        found = await kit.engine.trace(handle.id)
        assert found.nodes == NODES_MAX
        assert found.root.omitted == found.omitted > 0


async def test_tail_begins_at_the_end_and_wakes_with_the_log() -> None:
    async with engine_for(shop.tasks) as kit:
        await kit.emit("before", {})
        records: list[Record] = []

        async def follow() -> None:
            async for record in kit.engine.tail(kinds={"EventEmitted"}):
                records.append(record)  # noqa: PERF401 it is looked at before it ends

        following = asyncio.create_task(follow())
        await kit.settle()
        await kit.emit("after", {})
        await kit.settle()
        following.cancel()
        assert [record.fact.code for record in records if isinstance(record.fact, EventEmitted)] == ["after"]

"""The small parts: the tail, the turn, rows, and checkpoints."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ensue.testing.conformance.drafts import event, submitted
from ensue_adapters.sql.tail import Tail
from ensue_adapters.sqlite.rows import write_rows
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.turn import Turn
from ensue_core.errors import StoreUnavailable
from ensue_core.records import Record
from tests.sqlite.stores import opened, whole


def _records(first: int, last: int) -> list[Record]:
    one = event()
    return [Record(position, one.id, position, one.fact) for position in range(first, last + 1)]


def test_a_tail_serves_only_an_unbroken_run() -> None:
    tail = Tail(records_max=10)
    tail.extend(_records(1, 5), 5)
    assert [record.position for record in tail.after(2, 2)] == [3, 4]
    assert list(tail.after(5, 10)) == []
    tail.extend(_records(8, 9), 2)
    assert list(tail.after(2, 10)) == []
    assert [record.position for record in tail.after(7, 10)] == [8, 9]


def test_a_tail_is_bounded_in_records_and_in_bytes() -> None:
    tail = Tail(records_max=10, bytes_max=1000)
    for position in range(1, 12):
        tail.extend(_records(position, position), 1)
    assert tail.at(6) is None
    assert [record.position for record in tail.after(6, 99)] == [7, 8, 9, 10, 11]
    tail.extend(_records(12, 12), 600)
    tail.extend(_records(13, 13), 450)
    assert [record.position for record in tail.after(12, 99)] == [13]
    assert tail.at(12) is None
    tail.extend(_records(14, 14), 5000)
    assert list(tail.after(13, 99)) == []
    tail.extend(_records(15, 15), 1)
    assert [record.position for record in tail.after(14, 99)] == [15]


def test_a_turn_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    one, other = Turn(tmp_path / "a.db", 0.05), Turn(tmp_path / "a.db", 0.05)
    one.open()
    other.open()
    with one, pytest.raises(StoreUnavailable, match="locked"):
        other.__enter__()
    with other:
        pass
    one.close()
    other.close()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 64, 65, 255, 256, 600])
def test_any_number_of_rows_is_written(count: int) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE work (namespace, invocation, task, due, created, depth, root, attempt, started, "
            "failures, crashes, worker, lease_until)"
        )
        rows = [(1, f"i{n}", "t", n, n, 0, None) for n in range(count)]
        write_rows(connection, "work/add", rows)
        assert connection.execute("SELECT * FROM work ORDER BY due").fetchall() == [
            (*row, 1, 0, 0, 0, "", 0) for row in rows
        ]
    connection.close()
    assert "?" in sql("work/add")


async def test_a_slow_start_of_the_wal_over_does_not_lose_a_record(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", "synchronous=normal") as store:
        for _ in range(20):
            await store.log.append([event(payload=b'"' + b"x" * 3000 + b'"') for _ in range(100)])
            await asyncio.sleep(0)
        store._tail.extend(_records(10**6, 10**6), 1)
        assert [record.position for record in await whole(store)] == list(range(1, 2001))


async def test_a_rebuild_carries_leases_over(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        await store.log.append([submitted("a") for _ in range(5)])
        claimed = await store.work.claim("w1", ["a"], 3, 600.0)
        before = await store.dump_decisions()
        await store.rebuild_decisions()
        assert await store.dump_decisions() == before
        assert list(await store.work.expired(10)) == []
        held = [(each.row.invocation, each.row.attempt) for each in claimed]
        assert await store.work.renew("w1", held, 600.0) == [True] * 3
        assert await store.work.queued() == 5

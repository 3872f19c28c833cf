"""Group commit: many callers, one transaction, and none of them hurts another."""

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from ensue.testing.conformance.drafts import event
from ensue_adapters.sqlite.transaction import Transaction
from ensue_core.errors import StoreUnavailable
from ensue_core.facts import EventEmitted
from ensue_core.records import Record
from tests.sqlite.stores import opened, whole, writer_of


async def test_a_failing_job_leaves_nothing_and_hurts_no_neighbour(tmp_path: Path) -> None:
    def bad(tx: Transaction) -> None:
        tx.append([event("bad"), event("bad")])
        raise ValueError("on purpose")

    async with opened(tmp_path / "a.db") as store:
        writer = writer_of(store)
        jobs: list[Any] = [
            writer.run(bad) if number % 3 == 1 else store.log.append([event("good"), event("good")])
            for number in range(30)
        ]
        answers = await asyncio.gather(*jobs, return_exceptions=True)
        assert [isinstance(each, ValueError) for each in answers] == [n % 3 == 1 for n in range(30)]
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, 41))
        assert set(_codes(records)) == {"good"}
        reread = await fresh(tmp_path)
        assert reread == records


def _codes(records: list[Record]) -> list[str]:
    return [record.fact.code for record in records if isinstance(record.fact, EventEmitted)]


async def fresh(directory: Path) -> list[Record]:
    """What another handle reads from the file."""
    async with opened(directory / "a.db") as store:
        return await whole(store)


async def test_a_very_large_batch_is_one_transaction_and_a_repeated_id_in_it_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        one = event("one")
        await store.log.append([one])
        drafts = [event("many") for _ in range(4500)]
        answers = await store.log.append([*drafts, one, event("last")])
        assert [each.position for each in answers] == [*range(2, 4502), 1, 4502]
        assert [each.duplicate for each in answers] == [False] * 4500 + [True, False]
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, 4503))
        assert len({record.time for record in records}) == 2


async def test_many_callers_share_commits(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        begun: list[int] = []

        def counted(tx: Transaction) -> None:
            begun.append(id(tx))

        await asyncio.gather(*(writer_of(store).run(counted) for _ in range(100)))
        assert len(begun) == 100
        assert len(set(begun)) < 20


async def test_a_cancelled_caller_leaves_the_store_usable_and_the_log_whole(tmp_path: Path) -> None:
    seed = 20
    chance = random.Random(seed)
    async with opened(tmp_path / "a.db") as store:
        tasks = [asyncio.create_task(store.log.append([event(f"n{n}") for _ in range(3)])) for n in range(60)]
        for task in tasks:
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            if chance.random() < 0.5:
                task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await store.log.append([event("last")])
        records = await whole(store)
        codes = _codes(records)
        for number, answer in enumerate(answers):
            kept = codes.count(f"n{number}")
            assert kept == 3 if isinstance(answer, list) else kept in (0, 3), f"seed {seed}"
        assert [record.position for record in records] == list(range(1, len(codes) + 1))
        assert codes[-1] == "last"


@pytest.mark.parametrize("turns", range(6))
async def test_a_close_after_a_cancel_at_any_await_is_clean(tmp_path: Path, turns: int) -> None:
    async with opened(tmp_path / "a.db") as store:
        task = asyncio.create_task(store.log.append([event()]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with opened(tmp_path / "a.db") as store:
        assert len(await whole(store)) in (0, 1)


async def test_an_open_that_is_cancelled_can_be_repeated(tmp_path: Path) -> None:
    for turns in range(4):
        task = asyncio.create_task(fresh(tmp_path))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await fresh(tmp_path) == []


async def test_closing_finishes_what_was_asked(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        tasks = [asyncio.create_task(store.log.append([event()])) for _ in range(20)]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks)
    assert [answer[0].position for answer in answers] == list(range(1, 21))
    assert len(await fresh(tmp_path)) == 20


async def test_nobody_waits_for_ever_where_the_writer_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", said.append)

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake in the writer itself")

    async with opened(tmp_path / "a.db") as store:
        writer = writer_of(store)
        monkeypatch.setattr(writer, "_commit", broken)
        async with asyncio.timeout(20):
            jobs = [store.log.append([event()]) for _ in range(3)]
            answers = await asyncio.gather(*jobs, return_exceptions=True)
            assert [type(each) for each in answers] == [StoreUnavailable] * 3
            with pytest.raises(StoreUnavailable):
                await store.log.append([event()])
    writer._thread.join()
    assert [str(each.exc_value) for each in said] == ["a mistake in the writer itself"]

"""Several processes on one file."""

import asyncio
from pathlib import Path

from ensue.testing.conformance.drafts import event
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.ports import Store
from tests.sqlite.stores import ask, line_of, opened, other_process, whole


async def test_an_idle_process_hears_of_a_commit_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, "poll=30") as store, other_process("program_echoes.py", path) as process:
        assert await line_of(process) == "ready"
        trips = [await _trip(store) for _ in range(20)]
    assert sorted(trips)[10] < 0.1


async def _trip(store: Store) -> float:
    before = SYSTEM_CLOCK.monotonic()
    (ping,) = await store.log.append([event("ping")])
    async with asyncio.timeout(20):
        assert await store.log.wait(ping.position)
    return SYSTEM_CLOCK.monotonic() - before


async def test_polling_alone_finds_other_processes_commits(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, "hint=0&poll=0.02") as deaf, opened(path, "hint=0") as mute:
        waiting = asyncio.create_task(deaf.log.wait(0, timeout=20))
        await asyncio.sleep(0.05)
        await mute.log.append([event()])
        assert await waiting
        assert not await deaf.log.wait(1, timeout=0.1)


async def test_a_dead_process_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        async with other_process("program_echoes.py", path) as process:
            assert await line_of(process) == "ready"
            process.kill()
            await process.wait()
        assert len(list((tmp_path / "a.db-wake").iterdir())) == 2
        await store.log.append([event()])
        await store.log.append([event()])
        assert len(list((tmp_path / "a.db-wake").iterdir())) == 1


async def test_a_path_too_long_for_sockets_has_hints_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    path = folder / "a.db"
    async with opened(path, "poll=30") as store, other_process("program_echoes.py", path) as process:
        assert await line_of(process) == "ready"
        assert await _trip(store) < 10


async def test_a_waiting_process_gets_its_turn_under_load(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        async with (
            other_process("program_appends.py", path, 200) as one,
            other_process("program_appends.py", path, 200) as two,
        ):
            await line_of(one)
            await line_of(two)
            times: list[float] = []
            for _ in range(30):
                before = SYSTEM_CLOCK.monotonic()
                await store.log.append([event("mine")])
                times.append(SYSTEM_CLOCK.monotonic() - before)
        assert sorted(times)[15] < 0.25
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, len(records) + 1))


async def test_a_process_killed_amid_commits_leaves_a_dense_log_with_all_that_it_was_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    told: set[int] = set()
    for round_ in range(6):
        async with other_process("program_appends.py", path, 7) as process:
            for _ in range(3 + 5 * round_):
                told.update(int(each) for each in (await line_of(process)).split())
            process.kill()
            assert process.stdout is not None
            rest = (await process.stdout.read()).decode().split("\n")[:-1]
            told.update(int(each) for line in rest for each in line.split())
    async with opened(path) as store:
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        assert told <= {record.position for record in records}
        assert len(records) % 7 == 0
        times = [record.time for record in records]
        assert times == sorted(times)
        assert (await store.log.append([event()]))[0].position == len(records) + 1
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]

"""A rebuild leaves the live views untouched until it switches, goes on where it was interrupted, and starts nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ensue import Tasks, on_event
from ensue.replay.rebuild import Rebuilt, rebuild_decisions, rebuild_queries, roll_back
from ensue_core.archive import QUERY_TABLES, Page
from ensue_core.errors import ReplayRunning, StoreError
from ensue_core.ports import Store
from ensue_core.rows import InvocationRow
from ensue_projections.queries import PROJECTION, VERSION
from tests.engine.kits import OpenKit, SQLiteKits, records
from tests.replay.kits import archive_of, played, space_of, verified


async def rebuilt(store: Store, page_records: int = 4_000) -> Rebuilt:
    async with archive_of(store) as archive:
        return await rebuild_queries(store, archive, page_records=page_records)


@pytest.mark.parametrize("page", [1, 7, 4_000])
async def test_a_rebuild_gives_what_was_live_however_it_is_cut(open_kit: OpenKit, page: int) -> None:
    async with played(open_kit) as t:
        store, log = t.engine.store, await records(t)
        before = await verified(store)
        found = await rebuilt(store, page)
        assert [each.view for each in found.views] == list(QUERY_TABLES)
        assert {each.verdict for each in found.views} == {"equal"}
        assert (found.position, found.records) == (len(log), len(log))
        assert found.pause_seconds is not None
        assert found.pause_seconds < 0.1
        after = await verified(store)
        assert after == before
        assert after.well
        assert await records(t) == log, "a rebuild appends nothing"
        assert [each.state for each in await store.generations.all()] == ["live", "kept"]
        again = await rebuilt(store, page)
        assert again.generation != found.generation
        assert [each.state for each in await store.generations.all()] == ["live", "kept"]


async def test_a_damaged_view_is_told_and_replaced(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store, space = t.engine.store, space_of(t.engine.store)
        rows = space.views.tables["invocations"].rows
        key, row = next(iter(rows.items()))
        assert isinstance(row, InvocationRow)
        rows[key] = replace(row, attempts=77)
        assert not (await verified(store)).well
        found = await rebuilt(store)
        assert found.different == ("invocations",)
        assert (await verified(store)).well
        async with archive_of(store) as archive:
            back = await roll_back(store, archive)
        assert (back.records, back.views) == (0, ())
        assert [each.view for each in (await verified(store)).views if each.verdict == "different"] == ["invocations"]
        async with archive_of(store) as archive:
            await roll_back(store, archive)
        assert (await verified(store)).well


class Cut:
    """An archive that breaks after so many pages."""

    def __init__(self, archive: Any, pages: int) -> None:
        self._archive, self._pages = archive, pages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    async def page(self, after: int, limit: int) -> Page:
        self._pages -= 1
        if self._pages < 0:
            raise ConnectionError("the power is gone")
        page: Page = await self._archive.page(after, limit)
        return page


def broken(archive: Cut) -> Any:
    """Take it for an archive."""
    return archive


async def test_interrupted_anywhere_the_live_views_are_untouched_and_the_rest_is_folded_later(
    open_kit: OpenKit,
) -> None:
    async with played(open_kit) as t:
        store = t.engine.store
        before, folded = await verified(store), 0
        (live,) = await store.generations.all()
        for pages in (0, 1, 2, 1, 3):
            async with archive_of(store) as archive:
                with pytest.raises(ConnectionError):
                    await rebuild_queries(store, broken(Cut(archive, pages)), page_records=10)
            assert (await store.generations.all())[0] == live
            assert await verified(store) == before
            folded += 10 * pages
        beside = (await store.generations.all())[1]
        assert beside.cursor is not None
        assert beside.cursor.position == folded
        found = await rebuilt(store)
        assert found.records == found.position - folded
        assert found.generation == beside.number
        assert {each.verdict for each in found.views} == {"equal"}
        assert await verified(store) == before


async def test_cancelled_at_any_await_the_live_views_are_untouched(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store = t.engine.store
        before = await verified(store)
        for steps in range(0, 120, 3):
            async with archive_of(store) as archive:
                task = asyncio.ensure_future(rebuild_queries(store, archive, page_records=30))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            found = await verified(store)
            assert found == before
        assert (await rebuilt(store)).views


async def killed_after(lines: int, url: str, *more: str) -> str:
    """Rebuild in a process of its own and kill it after so many lines; return the last one."""
    script = str(Path(__file__).with_name("program_rebuilds.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, url, "10", *more, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    last = b""
    for _ in range(lines):
        last = await process.stdout.readline() or last
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    return last.decode().strip()


@pytest.mark.parametrize("open_kit", ["sqlite"], indirect=True)
async def test_killed_anywhere_a_rebuild_goes_on_where_it_was(open_kit: OpenKit) -> None:
    url = str(getattr(open_kit, "url"))  # noqa: B009
    async with played(open_kit) as t:
        store = t.engine.store
        before, live = await verified(store), (await store.generations.all())[0]
        folded: list[int] = []
        for lines in (1, 3, 2, 5):
            word, number = (await killed_after(lines, url)).split()
            assert word == "folded"
            folded.append(int(number))
            assert (await store.generations.all())[0] == live
            assert await verified(store) == before
            await asyncio.sleep(0.25)  # until the lease of the one that was killed has run out
        assert folded == sorted(folded)
        assert folded[-1] > folded[0]
        assert await killed_after(10_000, url) == f"switched {len(QUERY_TABLES)} 0"
        assert await verified(store) == before


async def test_the_engine_runs_on_meanwhile(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("a").with_args_from_event("n"))
    async def work(n: int) -> int:
        return n

    async with open_kit(tasks) as t:
        store = t.engine.store
        for n in range(100):
            await t.emit("a", {"n": n})
        going = True

        async def emit() -> int:
            count = 0
            while going:
                await t.emit("a", {"n": count})
                count += 1
            return count

        emitting = asyncio.ensure_future(emit())
        for _ in range(3):
            found = await rebuilt(store, 500)
            assert not found.different
        going = False
        count = await emitting
        await t.settle()
        assert count > 3
        assert len(t.ran(work)) == 100 + count, "nothing ran twice, nothing was missed"
        found_ = await verified(store)
        assert found_.well
        assert len([each async for each in t.engine.invocations.all(status="SUCCESS")]) == 100 + count


async def test_one_rebuild_at_a_time(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store = t.engine.store
        await store.leases.hold("replay/queries", "elsewhere:1", "", 60)
        with pytest.raises(ReplayRunning, match=r"another rebuild .*elsewhere:1.*: wait for it"):
            await rebuilt(store)
        await store.leases.release("replay/queries", "elsewhere:1")
        await rebuilt(store)
        assert not await store.leases.holders("replay/")


async def test_there_is_nothing_to_roll_back_to_at_first(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store = t.engine.store
        async with archive_of(store) as archive:
            with pytest.raises(StoreError, match="no earlier generation is kept"):
                await roll_back(store, archive)
        await rebuilt(store)
        kept = space_of(store).generations.tables[1]
        kept.cursors[PROJECTION] = (VERSION + 1, 5)
        async with archive_of(store) as archive:
            with pytest.raises(StoreError, match="another version of ensue"):
                await roll_back(store, archive)


async def test_a_rollback_catches_up_before_it_shows(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        store = t.engine.store
        await rebuilt(store)
        event = await t.engine.emit("nobody.hears", {})
        await t.engine.events.get(event.id)
        async with archive_of(store) as archive:
            await roll_back(store, archive)
        assert (await t.engine.events.get(event.id)).code == "nobody.hears"
        assert (await verified(store)).well


async def test_what_an_interrupted_rebuild_had_folded_by_another_version_is_not_used(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store = t.engine.store
        beside = await store.generations.begin()
        assert await store.generations.views(beside).cursor(PROJECTION, VERSION + 1) == 0
        found = await rebuilt(store)
        assert found.generation != beside.number
        assert not found.different


async def test_a_rebuild_that_was_ahead_brings_the_live_views_along(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store = t.engine.store
        await t.engine.emit("nobody.hears", {})
        async with archive_of(store) as archive:
            head = (await archive.head()).position

            class Late(Cut):
                def moment(self, generation: Any = None) -> Any:
                    raise ConnectionError("the power is gone")

            with pytest.raises(ConnectionError):
                await rebuild_queries(store, broken(Late(archive, 99)))
        beside = (await store.generations.all())[1]
        await store.generations.views(beside).project(beside.cursor, {}, head)  # type: ignore[arg-type]
        found = await rebuilt(store)
        assert {each.position for each in found.views} == {head}


async def test_decisions_are_folded_again_only_where_they_differ(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        store, dump = t.engine.store, await t.engine.store.dump_decisions()
        async with archive_of(store) as archive:
            found, before = await rebuild_decisions(store, archive)
        assert (found.different, found.pause_seconds, before.well) == ((), None, True)
        assert await store.dump_decisions() == dump


async def test_a_decision_view_that_differs_is_corrected(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        store, space = t.engine.store, space_of(t.engine.store)
        dump = await store.dump_decisions()
        space.chains.chains["main"] = replace(space.chains.chains["main"], clock=1)
        async with archive_of(store) as archive:
            found, _ = await rebuild_decisions(store, archive)
        assert found.different == ("chains",)
        assert await store.dump_decisions() == dump


async def test_an_old_generation_is_removed_whole(tmp_path: Path) -> None:
    import sqlite3

    kits = SQLiteKits(tmp_path)
    async with played(kits) as t:
        for _ in range(3):
            await rebuilt(t.engine.store)
    numbers: Collection[int]
    with sqlite3.connect(tmp_path / "log.db") as file:
        numbers = {number for (number,) in file.execute("SELECT DISTINCT namespace FROM runs")}
        attempts = {number for (number,) in file.execute("SELECT DISTINCT namespace FROM attempts")}
        names = [name for (name,) in file.execute("SELECT name FROM namespaces WHERE name >= ' '")]
    file.close()
    assert len(numbers) == 2, "the live one and the one that is kept"
    assert attempts == numbers
    assert names == ["test"]

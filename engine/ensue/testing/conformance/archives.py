"""The archive: the log and every view as they are stored, at one moment, and nothing that writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec.structs import astuple

from ensue.testing.conformance.drafts import event, submitted, whole
from ensue.testing.conformance.handles import Handles
from ensue.testing.conformance.history import History
from ensue_core.archive import DECISION_TABLES, QUERY_TABLES, Archive, Moment, Table
from ensue_core.errors import StoreUnavailable
from ensue_core.facts import decode_fact
from ensue_core.ids import new_id
from ensue_core.ports import Cursor, Store
from ensue_core.rows import AttemptRow, EventRow, InvocationRow
from ensue_projections.queries import PROJECTION

__all__ = ["TestArchive"]


@pytest.mark.asyncio
class TestArchive:
    """Reading alone sees what is stored."""

    async def test_the_log_is_read_as_it_is_stored(self, make_store: Handles) -> None:
        store = await make_store()
        await History(3, [store], make_store.clock).run(80)
        records = await whole(store)
        async with opened(store) as archive:
            page = await archive.page(0, 10_000)
            assert page.records == records
            assert [decode_fact(each) for each in page.data] == [each.fact for each in records]
            pages = [await archive.page(at, 7) for at in range(0, len(records), 7)]
            assert [record for each in pages for record in each.records] == records
            assert [record for each in pages for record in each.data] == page.data
            assert (await archive.page(len(records), 7)).records == []
            assert (await archive.head()).position == len(records)
            assert await archive.find(records[4].id) == records[4]
            assert await archive.find(new_id()) is None
            assert await archive.read_at([2, 5, 99_999]) == {2: records[1], 5: records[4]}

    async def test_a_moment_shows_every_decision_view(self, make_store: Handles) -> None:
        store = await make_store()
        await History(5, [store], make_store.clock).run(120)
        dump = await store.dump_decisions()
        async with opened(store) as archive, archive.moment() as moment:
            for table in DECISION_TABLES:
                rows = [msgspec.to_builtins(row) for row in await every(moment, table)]
                assert len(rows) == len(dump[table])
            assert len(await every(moment, "work")) == await store.work.queued()

    async def test_a_moment_shows_every_query_row_and_the_cursor(self, make_store: Handles) -> None:
        store = await make_store()
        ids = [new_id() for _ in range(3)]
        rows: dict[str, dict[tuple[str | int, ...], object]] = {
            "events": {(ids[0],): EventRow(ids[0], 1, 5, "a", root=ids[0], matched=2)},
            "invocations": {(ids[1],): InvocationRow(ids[1], "t", "RUNNING", 2, 6, root=None, cause="x")},
            "attempts": {(ids[1], n): AttemptRow(ids[1], n, 7) for n in range(1, 4)},
        }
        async with opened(store) as archive:
            async with archive.moment() as moment:
                assert moment.cursor is None
            assert await store.views.cursor(PROJECTION, 4) == 0
            assert await store.views.project(Cursor(PROJECTION, 4, 0), rows, 2)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            async with archive.moment() as moment:
                assert moment.cursor == Cursor(PROJECTION, 4, 2)
                for table in QUERY_TABLES:
                    found = await every(moment, table)
                    assert sorted(found, key=repr) == sorted(rows.get(table, {}).values(), key=repr)
                    values = [row async for piece in moment.values(table) for row in piece]
                    assert values == [astuple(row) for row in found]

    async def test_a_moment_stands_still(self, make_store: Handles) -> None:
        store = await make_store()
        await store.log.append([submitted()])
        async with opened(store) as archive, archive.moment() as moment:
            await store.log.append([submitted(), event()])
            assert moment.head.position == 1
            assert len(await every(moment, "work")) == 1
        async with opened(store) as archive, archive.moment() as moment:
            assert moment.head.position == 3
            assert len(await every(moment, "work")) == 2

    async def test_namespaces_do_not_meet(self, make_store: Handles) -> None:
        store, other = await make_store("a"), await make_store("b")
        await store.log.append([submitted()])
        await other.log.append([event(), event()])
        async with opened(store) as archive, archive.moment() as moment:
            assert (archive.namespace, moment.head.position) == ("a", 1)
            assert len((await archive.page(0, 10)).records) == 1
            assert len(await every(moment, "work")) == 1

    async def test_an_archive_that_is_closed_says_so(self, make_store: Handles) -> None:
        store = await make_store()
        archive = store.archive()
        for _ in range(2):
            await archive.open()
        for _ in range(2):
            await archive.close()
        with pytest.raises(StoreUnavailable, match="open"):
            await archive.head()

    async def test_nothing_in_an_archive_can_write(self, make_store: Handles) -> None:
        store = await make_store()
        async with opened(store) as archive:
            names = {name for name in dir(archive) if not name.startswith("_")}
            assert names == {"namespace", "open", "close", "head", "page", "read_at", "find", "moment"}


@asynccontextmanager
async def opened(store: Store) -> AsyncGenerator[Archive, None]:
    """Open a store's archive."""
    archive = store.archive()
    await archive.open()
    try:
        yield archive
    finally:
        await archive.close()


async def every(moment: Moment, table: Table) -> list[msgspec.Struct]:
    """Return a view's rows."""
    return [row async for rows in moment.rows(table) for row in rows]

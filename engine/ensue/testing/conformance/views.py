"""Query views: rows and cursor move together, from where the projector thinks they stand."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from ensue.testing.conformance.handles import Handles
from ensue_core.ids import new_id
from ensue_core.ports import Cursor, EventQuery, RowKey, RowTable
from ensue_core.rows import (
    AttemptRow,
    EventRow,
    InvocationRow,
    ParticipantRow,
    ProblemRow,
    QueryRow,
    RunRow,
    ScheduleRow,
    TriggerStatsRow,
)

__all__ = ["TestProjecting", "TestRows"]

_ID, _OTHER = new_id(), new_id()
ROWS: dict[RowTable, tuple[RowKey, QueryRow, QueryRow]] = {
    "events": (
        (_ID,),
        EventRow(_ID, 3, 30, "a.b", "key", _OTHER, "task", "cause", "root", 1, 0),
        EventRow(_ID, 3, 30, "a.b", "key", _OTHER, "task", "cause", "root", 5, 4),
    ),
    "runs": (
        (_ID,),
        RunRow(_ID, 3, 30, "main", "t1", "task", "failed", None, 2, '"k"', "why", "ann", "root"),
        RunRow(_ID, 3, 30, "main", "t1", "task", "fired", _OTHER, 2, '"k"', "", "ann", "root"),
    ),
    "participants": (
        (_ID, 1),
        ParticipantRow(_ID, 1, "c1", "event", _OTHER, 7, 70),
        ParticipantRow(_ID, 1, "c1", "event", _OTHER, 7, 70),
    ),
    "invocations": (
        (_ID,),
        InvocationRow(_ID, "task", "REGISTERED", 3, 30, _OTHER, "t1", _OTHER, 0, 0, 0, 0, 0, None, None, "c", "r"),
        InvocationRow(_ID, "task", "FAILED", 3, 30, _OTHER, "t1", _OTHER, 2, 31, 32, 33, 9, "E", "m\0x", "c", "r"),
    ),
    "attempts": (
        (_ID, 2),
        AttemptRow(_ID, 2, 40, "w1"),
        AttemptRow(_ID, 2, 40, "w1", 50, "RETRY", 9, "E"),
    ),
    "trigger_stats": (
        ("main", "t1"),
        TriggerStatsRow("main", "t1", 1),
        TriggerStatsRow("main", "t1", 1, 2, 3, 4, 5, 6),
    ),
    "schedules": (
        ("main", "t1", "c1"),
        ScheduleRow("main", "t1", "c1", "* * * * *", "UTC"),
        ScheduleRow("main", "t1", "c1", "* * * * *", "UTC", 10, 9, 8, 7),
    ),
    "problems": (
        (5,),
        ProblemRow(5, 50, "RunFailed", "t1", "r", "e"),
        ProblemRow(5, 50, "RunFailed", "t1", "r", "e"),
    ),
}
"""For each table a key, a row, and one that may replace it: place, cause and root never change."""

BARE: dict[RowTable, tuple[RowKey, QueryRow]] = {
    "events": ((_ID,), EventRow(_ID, 3, 30, "a.b")),
    "runs": ((_ID,), RunRow(_ID, 3, 30, "main", "t1", "task", "fired")),
    "participants": ((_ID, 0), ParticipantRow(_ID, 0, "c1", "cron", _OTHER, 0)),
    "invocations": ((_ID,), InvocationRow(_ID, "task", "REGISTERED", 3, 30)),
    "attempts": ((_ID, 1), AttemptRow(_ID, 1, 40)),
    "trigger_stats": (("main", "t1"), TriggerStatsRow("main", "t1")),
    "schedules": (("main", "t1", "c1"), ScheduleRow("main", "t1", "c1", "* * * * *", "UTC")),
    "problems": ((5,), ProblemRow(5, 50, "RunFailed")),
}
"""For each table a row that says as little as a row can."""


@pytest.mark.asyncio
class TestProjecting:
    """`cursor`, `project`, `drop`."""

    async def test_a_projection_begins_at_zero(self, make_store: Handles) -> None:
        store = await make_store()
        assert await store.views.cursor("queries", 1) == 0
        assert await store.views.cursor("queries", 1) == 0

    async def test_rows_and_cursor_move_together(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        key, row, _ = ROWS["events"]
        assert await store.views.cursor("queries", 1) == 0
        assert await store.views.project(Cursor("queries", 1, 0), {"events": {key: row}}, 7)
        assert await other.views.cursor("queries", 1) == 7
        assert await other.views.load("events", [key]) == {key: row}

    async def test_a_cursor_that_has_moved_stops_the_page_whole(self, make_store: Handles) -> None:
        store = await make_store()
        key, row, changed = ROWS["events"]
        await store.views.cursor("queries", 1)
        assert await store.views.project(Cursor("queries", 1, 0), {"events": {key: row}}, 7)
        for wrong in (0, 6, 8):
            page: dict[RowTable, dict[RowKey, QueryRow]] = {
                "events": {key: changed},
                "problems": {(1,): ProblemRow(1, 1, "x")},
            }
            assert not await store.views.project(Cursor("queries", 1, wrong), page, 9)
        assert await store.views.load("events", [key]) == {key: row}
        assert list(await store.views.problems(None, 10)) == []
        assert await store.views.cursor("queries", 1) == 7

    async def test_of_racing_projectors_one_wins_each_page(self, make_store: Handles) -> None:
        handles = [await make_store() for _ in range(3)]
        for store in handles:
            assert await store.views.cursor("queries", 1) == 0
        for position in range(10):
            row = ProblemRow(position + 1, 1, "x")
            won = await asyncio.gather(
                *(
                    each.views.project(
                        Cursor("queries", 1, position),
                        {"problems": {(position + 1,): replace(row, reason=str(place))}},
                        position + 1,
                    )
                    for place, each in enumerate(handles)
                )
            )
            assert sum(won) == 1
            (written,) = (await handles[0].views.load("problems", [(position + 1,)])).values()
            assert isinstance(written, ProblemRow)
            assert won[int(written.reason)]

    async def test_an_empty_page_moves_the_cursor(self, make_store: Handles) -> None:
        store = await make_store()
        await store.views.cursor("queries", 1)
        assert await store.views.project(Cursor("queries", 1, 0), {}, 7)
        assert await store.views.cursor("queries", 1) == 7

    async def test_another_version_begins_empty(self, make_store: Handles) -> None:
        store = await make_store()
        await store.views.cursor("queries", 1)
        page: dict[RowTable, dict[RowKey, QueryRow]] = {table: {each[0]: each[1]} for table, each in ROWS.items()}
        assert await store.views.project(Cursor("queries", 1, 0), page, 7)
        assert await store.views.cursor("queries", 2) == 0
        for table, (key, _, _) in ROWS.items():
            assert await store.views.load(table, [key]) == {}
        assert not await store.views.project(Cursor("queries", 1, 7), page, 8)
        assert await store.views.project(Cursor("queries", 2, 0), page, 3)
        assert await store.views.cursor("queries", 2) == 3

    async def test_drop_empties_everything(self, make_store: Handles) -> None:
        store = await make_store()
        await store.views.cursor("queries", 1)
        page: dict[RowTable, dict[RowKey, QueryRow]] = {table: {each[0]: each[1]} for table, each in ROWS.items()}
        assert await store.views.project(Cursor("queries", 1, 0), page, 7)
        await store.views.drop()
        assert await store.views.cursor("queries", 1) == 0
        for table, (key, _, _) in ROWS.items():
            assert await store.views.load(table, [key]) == {}
        assert await store.views.project(Cursor("queries", 1, 0), page, 7)

    async def test_views_do_not_cross_namespaces(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        page: dict[RowTable, dict[RowKey, QueryRow]] = {table: {each[0]: each[1]} for table, each in ROWS.items()}
        await one.views.cursor("queries", 1)
        assert await one.views.project(Cursor("queries", 1, 0), page, 7)
        assert await other.views.cursor("queries", 1) == 0
        for table, (key, _, _) in ROWS.items():
            assert await other.views.load(table, [key]) == {}
        assert list(await other.views.events(EventQuery())) == []
        await other.views.drop()
        assert await one.views.cursor("queries", 1) == 7

    async def test_views_are_no_part_of_the_decisions(self, make_store: Handles) -> None:
        store = await make_store()
        page: dict[RowTable, dict[RowKey, QueryRow]] = {table: {each[0]: each[1]} for table, each in ROWS.items()}
        await store.views.cursor("queries", 1)
        await store.views.project(Cursor("queries", 1, 0), page, 7)
        await store.rebuild_decisions()
        assert await store.views.cursor("queries", 1) == 7


@pytest.mark.asyncio
class TestRows:
    """Every table keeps every column."""

    @pytest.mark.parametrize("table", list(ROWS))
    async def test_a_row_is_kept_and_replaced_whole(self, make_store: Handles, table: RowTable) -> None:
        store = await make_store()
        key, row, changed = ROWS[table]
        await store.views.cursor("queries", 1)
        assert await store.views.load(table, [key]) == {}
        assert await store.views.project(Cursor("queries", 1, 0), {table: {key: row}}, 1)
        assert await store.views.load(table, [key]) == {key: row}
        assert await store.views.project(Cursor("queries", 1, 1), {table: {key: changed}}, 2)
        assert await store.views.load(table, [key]) == {key: changed}

    @pytest.mark.parametrize("table", list(BARE))
    async def test_a_row_keeps_what_it_does_not_say(self, make_store: Handles, table: RowTable) -> None:
        store = await make_store()
        key, row = BARE[table]
        await store.views.cursor("queries", 1)
        assert await store.views.project(Cursor("queries", 1, 0), {table: {key: row}}, 1)
        assert await store.views.load(table, [key]) == {key: row}

    async def test_load_returns_only_what_is_there(self, make_store: Handles) -> None:
        store = await make_store()
        rows: dict[RowKey, QueryRow] = {(n,): ProblemRow(n, n, "x") for n in range(1, 1501)}
        await store.views.cursor("queries", 1)
        await store.views.project(Cursor("queries", 1, 0), {"problems": rows}, 1)
        wanted: list[RowKey] = [(n,) for n in range(2000)]
        assert await store.views.load("problems", wanted) == rows
        assert await store.views.load("problems", []) == {}

    async def test_a_key_of_several_parts_is_matched_whole(self, make_store: Handles) -> None:
        store = await make_store()
        rows: dict[RowKey, QueryRow] = {
            (service, trigger): TriggerStatsRow(service, trigger, number)
            for number, (service, trigger) in enumerate([("a", "b"), ("a", "c"), ("d", "b"), ("d", "c")])
        }
        await store.views.cursor("queries", 1)
        await store.views.project(Cursor("queries", 1, 0), {"trigger_stats": rows}, 1)
        wanted: list[RowKey] = [("a", "c"), ("d", "b")]
        assert await store.views.load("trigger_stats", wanted) == {key: rows[key] for key in wanted}

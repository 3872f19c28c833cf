"""Queries: each filter alone, and pages that neither miss nor repeat a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from ensue.testing.clock import ManualClock
from ensue.testing.conformance.drafts import event
from ensue.testing.conformance.handles import Handles
from ensue_core.defaults import SECOND
from ensue_core.ids import Id, derive
from ensue_core.ports import (
    Cursor,
    EventQuery,
    InvocationQuery,
    RowKey,
    RowTable,
    RunQuery,
    Store,
)
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

__all__ = ["TestDetails", "TestEventQueries", "TestInvocationQueries", "TestPages", "TestRunQueries"]


def _id(name: str, number: int) -> Id:
    return derive(number * 1000, name, number)


def _time(number: int) -> int:
    """The log time of the records whose positions begin at three times a number."""
    return ManualClock().now() + number * SECOND


_CODES = ["orders.paid", "orders.paid.late", "orders", "ordersX.paid", "Orders.paid", "users.new"]
EVENTS = [
    EventRow(
        id=_id("event", number),
        position=number * 3,
        time=_time(number),
        code=_CODES[number % 6],
        emitter=_id("invocation", number % 4) if number % 2 else None,
        emitter_task="shop.pay" if number % 3 == 0 else None,
        root=f"root{number % 5}",
        matched=number % 3,
        triggered=number % 2,
    )
    for number in range(1, 41)
]
RUNS = [
    RunRow(
        id=_id("run", number),
        position=number * 3 + 1,
        time=_time(number),
        service="main",
        trigger=f"t{number % 3}",
        task=f"task{number % 4}",
        outcome=("fired", "failed", "too deep")[number % 3],
        invocation=_id("invocation", number) if number % 3 == 0 else None,
        root=f"root{number % 5}",
    )
    for number in range(1, 41)
]
PARTICIPANTS = [
    ParticipantRow(_id("run", number), place, f"c{place}", "event", _id("event", number + place), 1, 2)
    for number in range(1, 41)
    for place in range(number % 3 + 1)
]
INVOCATIONS = [
    InvocationRow(
        id=_id("invocation", number),
        task=f"task{number % 4}",
        status=("SUCCESS", "FAILED", "RUNNING", "REGISTERED")[number % 4],
        created=number * 3 + 1,
        registered=_time(number),
        trigger=f"t{number % 3}" if number % 2 else None,
        emitter=_id("invocation", number % 5) if number % 3 == 0 else None,
        root=f"root{number % 5}",
    )
    for number in range(1, 41)
]
ATTEMPTS = [
    AttemptRow(_id("invocation", number), attempt, attempt * 10)
    for number in range(1, 13)
    for attempt in range(1, number + 1)
]
PROBLEMS = [ProblemRow(number * 2, number, "RunFailed", f"t{number % 3}") for number in range(1, 31)]


async def _filled(make_store: Handles) -> Store:
    """A store whose views were written in two pages, over a log whose positions and times they name."""
    store = await make_store()
    await store.log.append([event(), event()])
    for _ in range(41):
        make_store.clock.advance(1)
        await store.log.append([event(), event(), event()])
    tables: dict[RowTable, Mapping[RowKey, QueryRow]] = {
        "events": {(row.id,): row for row in EVENTS},
        "runs": {(row.id,): row for row in RUNS},
        "participants": {(row.run, row.place): row for row in PARTICIPANTS},
        "invocations": {(row.id,): row for row in INVOCATIONS},
        "attempts": {(row.invocation, row.attempt): row for row in ATTEMPTS},
        "problems": {(row.position,): row for row in PROBLEMS},
    }
    late: dict[RowTable, dict[RowKey, QueryRow]] = {}
    early: dict[RowTable, dict[RowKey, QueryRow]] = {}
    for table, rows in tables.items():
        for number, (key, row) in enumerate(reversed(list(rows.items()))):
            page = late if number < len(rows) // 2 else early
            page.setdefault(table, {})[key] = row
    await store.views.cursor("queries", 1)
    assert await store.views.project(Cursor("queries", 1, 0), early, 60)
    assert await store.views.project(Cursor("queries", 1, 60), late, 125)
    return store


def _newest(rows: Sequence[EventRow], limit: int = 50) -> list[EventRow]:
    return sorted(rows, key=lambda row: -row.position)[:limit]


@pytest.mark.asyncio
class TestEventQueries:
    """`events`."""

    async def test_events_come_newest_first(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        assert list(await store.views.events(EventQuery())) == _newest(EVENTS)
        assert list(await store.views.events(EventQuery(limit=7))) == _newest(EVENTS, 7)

    async def test_an_event_is_found_by_its_whole_code(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        for code in ["orders.paid", "orders", "Orders.paid", "orders.pai_", "%", "nothing"]:
            expected = _newest([row for row in EVENTS if row.code == code])
            assert list(await store.views.events(EventQuery(code=code))) == expected, code

    async def test_a_family_of_codes_is_found(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        for code, members in {
            "orders.*": {"orders.paid", "orders.paid.late"},
            "orders.paid.*": {"orders.paid.late"},
            "Orders.*": {"Orders.paid"},
            "order_.*": set[str](),
            "%.*": set[str](),
        }.items():
            expected = _newest([row for row in EVENTS if row.code in members])
            assert list(await store.views.events(EventQuery(code=code))) == expected, code

    async def test_since_counts_and_until_does_not(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        expected = _newest([row for row in EVENTS if _time(10) <= row.time < _time(20)])
        assert list(await store.views.events(EventQuery(since=_time(10), until=_time(20)))) == expected
        assert len(expected) == 10
        assert len(await store.views.events(EventQuery(since=_time(39) + 1))) == 1
        assert len(await store.views.events(EventQuery(until=_time(1)))) == 0

    async def test_matched_and_triggered_are_told_apart(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        for wanted in (True, False):
            expected = _newest([row for row in EVENTS if (row.matched > 0) == wanted])
            assert list(await store.views.events(EventQuery(matched=wanted))) == expected
            expected = _newest([row for row in EVENTS if (row.triggered > 0) == wanted])
            assert list(await store.views.events(EventQuery(triggered=wanted))) == expected
        both = _newest([row for row in EVENTS if row.matched and not row.triggered])
        assert list(await store.views.events(EventQuery(matched=True, triggered=False))) == both

    async def test_an_event_is_found_by_emitter_task_and_root(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        emitter = _id("invocation", 3)
        expected = _newest([row for row in EVENTS if row.emitter == emitter])
        assert expected
        assert list(await store.views.events(EventQuery(emitter=emitter))) == expected
        expected = _newest([row for row in EVENTS if row.emitter_task == "shop.pay"])
        assert list(await store.views.events(EventQuery(emitter_task="shop.pay"))) == expected
        expected = _newest([row for row in EVENTS if row.root == "root2"])
        assert list(await store.views.events(EventQuery(root="root2"))) == expected

    async def test_filters_join(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        query = EventQuery(code="orders.*", since=_time(5), matched=True, root="root1", before=100)
        expected = _newest(
            [
                row
                for row in EVENTS
                if row.code.startswith("orders.")
                and row.time >= _time(5)
                and row.matched
                and row.root == "root1"
                and row.position < 100
            ]
        )
        assert expected
        assert list(await store.views.events(query)) == expected

    async def test_a_changed_row_keeps_its_place(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        oldest = replace(EVENTS[0], matched=9)
        await store.views.project(Cursor("queries", 1, 125), {"events": {(oldest.id,): oldest}}, 126)
        assert list(await store.views.events(EventQuery()))[-1] == oldest


@pytest.mark.asyncio
class TestRunQueries:
    """`runs`."""

    @pytest.mark.parametrize("field", ["trigger", "task", "outcome", "root", "invocation"])
    async def test_a_run_is_found_by_each_field(self, make_store: Handles, field: str) -> None:
        store = await _filled(make_store)
        value = getattr(RUNS[2], field)
        expected = [row for row in reversed(RUNS) if getattr(row, field) == value]
        assert list(await store.views.runs(RunQuery(**{field: value}))) == expected
        assert 0 < len(expected) < len(RUNS)

    async def test_a_run_is_found_by_each_of_its_sources_once(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        for number in (1, 8, 20, 41):
            source = _id("event", number)
            ids = {each.run for each in PARTICIPANTS if each.source == source}
            expected = [row for row in reversed(RUNS) if row.id in ids]
            assert list(await store.views.runs(RunQuery(source=source))) == expected
        assert list(await store.views.runs(RunQuery(source=_id("event", 99)))) == []

    async def test_a_run_with_one_source_twice_is_listed_once(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        run, source = RUNS[0].id, _id("event", 77)
        rows: dict[RowKey, QueryRow] = {
            (run, place): ParticipantRow(run, place, f"c{place}", "event", source, 1) for place in (4, 5)
        }
        await store.views.project(Cursor("queries", 1, 125), {"participants": rows}, 126)
        assert list(await store.views.runs(RunQuery(source=source))) == [RUNS[0]]

    async def test_runs_are_found_by_time_and_filters_join(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        expected = [row for row in reversed(RUNS) if _time(10) <= row.time < _time(30) and row.trigger == "t1"]
        assert list(await store.views.runs(RunQuery(since=_time(10), until=_time(30), trigger="t1"))) == expected
        source = PARTICIPANTS[5].source
        both = RunQuery(source=source, outcome="fired", limit=1)
        of_source = {each.run for each in PARTICIPANTS if each.source == source}
        expected = [row for row in reversed(RUNS) if row.id in of_source and row.outcome == "fired"]
        assert list(await store.views.runs(both)) == expected[:1]


@pytest.mark.asyncio
class TestInvocationQueries:
    """`invocations`."""

    @pytest.mark.parametrize("field", ["task", "trigger", "emitter", "root"])
    async def test_an_invocation_is_found_by_each_field(self, make_store: Handles, field: str) -> None:
        store = await _filled(make_store)
        value = getattr(INVOCATIONS[2], field)
        expected = [row for row in reversed(INVOCATIONS) if getattr(row, field) == value]
        assert list(await store.views.invocations(InvocationQuery(**{field: value}))) == expected
        assert 0 < len(expected) < len(INVOCATIONS)

    async def test_invocations_are_found_by_any_of_several_statuses(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        statuses: tuple[str, ...]
        for statuses in (("FAILED",), ("FAILED", "RUNNING"), ("CANCELLED",), ()):
            expected = [row for row in reversed(INVOCATIONS) if not statuses or row.status in statuses]
            found = await store.views.invocations(InvocationQuery(statuses=statuses))
            assert list(found) == expected, statuses

    async def test_invocations_are_found_by_time_and_filters_join(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        query = InvocationQuery(task="task1", statuses=("FAILED", "SUCCESS"), since=_time(5), until=_time(29))
        expected = [
            row
            for row in reversed(INVOCATIONS)
            if row.task == "task1" and row.status in query.statuses and _time(5) <= row.registered < _time(29)
        ]
        assert expected
        assert list(await store.views.invocations(query)) == expected


@pytest.mark.asyncio
class TestPages:
    """Keyset paging: no row twice, none missed, in one order."""

    @pytest.mark.parametrize("limit", [1, 3, 7, 40, 100])
    async def test_pages_of_events_are_whole(self, make_store: Handles, limit: int) -> None:
        store = await _filled(make_store)
        for query in (EventQuery(limit=limit), EventQuery(limit=limit, code="orders.*", triggered=True)):
            whole = list(await store.views.events(replace(query, limit=1000)))
            seen: list[EventRow] = []
            while page := await store.views.events(query):
                assert len(page) <= limit
                seen += page
                query = replace(query, before=page[-1].position)
            assert seen == whole
            assert whole

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_pages_of_runs_are_whole(self, make_store: Handles, limit: int) -> None:
        store = await _filled(make_store)
        query, seen = RunQuery(limit=limit), list[RunRow]()
        while page := await store.views.runs(query):
            seen += page
            query = replace(query, before=page[-1].position)
        assert seen == RUNS[::-1]

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_pages_of_invocations_are_whole(self, make_store: Handles, limit: int) -> None:
        store = await _filled(make_store)
        query, seen = InvocationQuery(limit=limit), list[InvocationRow]()
        while page := await store.views.invocations(query):
            seen += page
            query = replace(query, before=page[-1].created)
        assert seen == INVOCATIONS[::-1]

    async def test_pages_of_problems_are_whole(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        before, seen = None, list[ProblemRow]()
        while page := await store.views.problems(before, 4):
            seen += page
            before = page[-1].position
        assert seen == PROBLEMS[::-1]

    async def test_rows_that_come_meanwhile_disturb_no_page(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        first = list(await store.views.events(EventQuery(limit=20)))
        new = EventRow(_id("event", 500), 500, 5000, "late")
        await store.views.project(Cursor("queries", 1, 125), {"events": {(new.id,): new}}, 126)
        rest = await store.views.events(EventQuery(limit=100, before=first[-1].position))
        assert [*first, *rest] == _newest(EVENTS)


@pytest.mark.asyncio
class TestDetails:
    """What belongs to one run, one invocation, one trigger."""

    async def test_participants_come_in_order(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        expected = [row for row in PARTICIPANTS if row.run == RUNS[1].id]
        assert list(await store.views.participants(RUNS[1].id)) == expected
        assert len(expected) == 3
        assert list(await store.views.participants(_id("run", 99))) == []

    async def test_attempts_come_in_order(self, make_store: Handles) -> None:
        store = await _filled(make_store)
        attempts = await store.views.attempts(_id("invocation", 12))
        assert [row.attempt for row in attempts] == list(range(1, 13))
        assert list(await store.views.attempts(_id("invocation", 99))) == []

    async def test_statistics_and_schedules_are_listed_by_key(self, make_store: Handles) -> None:
        store = await make_store()
        keys = [("b", "t1"), ("a", "t2"), ("a", "t1")]
        stats: dict[RowKey, QueryRow] = {key: TriggerStatsRow(*key) for key in keys}
        schedules: dict[RowKey, QueryRow] = {
            (*key, condition): ScheduleRow(*key, condition, "* * * * *", "UTC")
            for key in keys
            for condition in ("c2", "c1")
        }
        await store.views.cursor("queries", 1)
        await store.views.project(Cursor("queries", 1, 0), {"trigger_stats": stats, "schedules": schedules}, 1)
        assert list(await store.views.trigger_stats()) == [stats[key] for key in sorted(keys)]
        assert list(await store.views.schedules()) == [
            schedules[*key, condition] for key in sorted(keys) for condition in ("c1", "c2")
        ]

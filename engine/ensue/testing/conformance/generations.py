"""Generations of the query views: folded beside the live one, switched whole, kept, removed piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from ensue.testing.conformance.archives import every, opened
from ensue.testing.conformance.drafts import event
from ensue.testing.conformance.handles import Handles
from ensue_core.generations import Generation
from ensue_core.ids import Id, new_id
from ensue_core.ports import Cursor, EventQuery, InvocationQuery, RowKey, RowTable, RunQuery, Store, Views
from ensue_core.rows import AttemptRow, EventRow, InvocationRow, ParticipantRow, QueryRow, RunRow, ScheduleRow
from ensue_projections.queries import PROJECTION

__all__ = ["TestGenerations"]

Rows = Mapping[RowTable, Mapping[RowKey, QueryRow]]


@pytest.mark.asyncio
class TestGenerations:
    """One generation is live at a time, and what is done to another one does not show."""

    async def test_there_is_one_at_first(self, make_store: Handles) -> None:
        store = await make_store()
        (live,) = await store.generations.all()
        assert (live.state, live.cursor) == ("live", None)
        assert await store.views.cursor(PROJECTION, 1) == 0
        (live,) = await store.generations.all()
        assert live.cursor == Cursor(PROJECTION, 1, 0)

    async def test_what_is_written_beside_does_not_show(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "live")
        beside = await store.generations.begin()
        assert beside.cursor is None
        views = store.generations.views(beside)
        assert await views.cursor(PROJECTION, 1) == 0
        await fill(views, 1, "beside")
        assert await shown(store.views) == "live"
        assert await shown(views) == "beside"
        assert [each.state for each in await store.generations.all()] == ["live", "beside"]
        again = await store.generations.begin()
        assert (again.number, again.cursor) == (beside.number, Cursor(PROJECTION, 1, 5))

    async def test_a_switch_shows_at_once_to_all(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        await fill(store.generations.views(beside), 1, "new")
        assert await store.generations.switch(beside)
        assert await store.generations.switch(beside)
        for each in (store, other):
            assert await shown(each.views) == "new"
            assert await each.views.cursor(PROJECTION, 1) == 5
        states = [(each.state, each.cursor) for each in await other.generations.all()]
        assert states == [("live", Cursor(PROJECTION, 1, 5)), ("kept", Cursor(PROJECTION, 1, 5))]
        kept = (await store.generations.all())[1]
        assert await store.generations.switch(kept)
        assert await shown(other.views) == "old"
        assert [each.number for each in await store.generations.all()] == [kept.number, beside.number]

    async def test_nobody_is_shown_less_than_before(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        views = store.generations.views(beside)
        assert not await store.generations.switch(beside), "nothing was folded yet"
        await views.cursor(PROJECTION, 1)
        assert not await store.generations.switch(beside)
        await fill(views, 1, "new")
        assert await store.views.project(Cursor(PROJECTION, 1, 5), {}, 6)
        assert not await store.generations.switch(beside)
        assert await shown(store.views) == "old"
        assert await views.project(Cursor(PROJECTION, 1, 5), {}, 6)
        assert await store.generations.switch(beside)

    async def test_live_views_that_are_held_stand_still_until_a_switch(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        apart = await make_store("elsewhere")
        for each in (store, apart):
            await fill(each.views, 1, "old")
        beside = await store.generations.begin()
        views = store.generations.views(beside)
        await fill(views, 1, "new")
        await store.generations.hold(5)
        assert not await other.views.project(Cursor(PROJECTION, 1, 5), {}, 6)
        assert await other.views.cursor(PROJECTION, 1) == 5
        assert await views.project(Cursor(PROJECTION, 1, 5), {}, 6), "the one beside moves"
        assert await apart.views.project(Cursor(PROJECTION, 1, 5), {}, 6), "and so does another namespace"
        assert await other.generations.switch(beside)
        assert await store.views.project(Cursor(PROJECTION, 1, 6), {}, 7)

    async def test_live_views_are_held_no_longer_than_was_said(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "old")
        for again in range(2):
            await store.generations.hold(5)
            assert not await store.views.project(Cursor(PROJECTION, 1, 5 + again), {}, 6 + again)
            if again:
                make_store.clock.advance(5.001)
            else:
                await store.generations.hold(0)
            assert await store.views.project(Cursor(PROJECTION, 1, 5 + again), {}, 6 + again)

    async def test_one_of_another_version_takes_the_place_of_any(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        assert await store.generations.views(beside).cursor(PROJECTION, 2) == 0
        assert await store.generations.switch(beside)
        assert await store.views.cursor(PROJECTION, 2) == 0

    async def test_a_projector_of_the_old_one_notices(self, make_store: Handles) -> None:
        store, other = await make_store(), await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        views = store.generations.views(beside)
        await fill(views, 1, "new")
        assert await views.project(Cursor(PROJECTION, 1, 5), {}, 9)
        assert await store.generations.switch(beside)
        assert not await other.views.project(Cursor(PROJECTION, 1, 5), {}, 6)
        assert await other.views.cursor(PROJECTION, 1) == 9

    async def test_the_live_one_is_never_removed(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "live")
        (live,) = await store.generations.all()
        assert not await store.generations.drop(live)
        assert await shown(store.views) == "live"

    async def test_one_that_is_removed_is_gone(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        views = store.generations.views(beside)
        await fill(views, 1, "new")
        assert await store.generations.switch(beside)
        kept = (await store.generations.all())[1]
        for _ in range(50):
            if await store.generations.drop(kept, 1):
                break
        assert [each.state for each in await store.generations.all()] == ["live"]
        assert await shown(store.views) == "new"
        another = await store.generations.begin()
        assert another.number not in (kept.number, beside.number)
        assert await counts(store, another) == {}
        assert (await counts(store, None))["events"] == 1

    async def test_an_archive_sees_the_live_one_or_the_one_it_is_asked_for(self, make_store: Handles) -> None:
        store = await make_store()
        await fill(store.views, 1, "old")
        beside = await store.generations.begin()
        await fill(store.generations.views(beside), 1, "new")
        for generation, name in ((None, "old"), (beside, "new")):
            async with opened(store) as archive, archive.moment(generation) as moment:
                (found,) = await every(moment, "events")
                assert isinstance(found, EventRow)
                assert (found.code, moment.cursor) == (name, Cursor(PROJECTION, 1, 5))
        await store.generations.switch(beside)
        async with opened(store) as archive, archive.moment() as moment:
            (found,) = await every(moment, "events")
            assert isinstance(found, EventRow)
            assert found.code == "new"

    async def test_times_mean_the_same_in_every_generation(self, make_store: Handles) -> None:
        """Queries by time look the position up in the log, which has one generation."""
        store = await make_store()
        await store.log.append([event() for _ in range(5)])
        (record,) = await store.log.read(4, 1)
        beside = await store.generations.begin()
        await fill(store.generations.views(beside), 1, "new", record.time)
        assert await store.generations.switch(beside)
        assert len(await store.views.events(EventQuery(since=record.time))) == 1
        assert len(await store.views.events(EventQuery(until=record.time))) == 0

    async def test_namespaces_have_generations_of_their_own(self, make_store: Handles) -> None:
        one, other = await make_store("a"), await make_store("b")
        for store in (one, other):
            await fill(store.views, 1, store.namespace)
        beside = await one.generations.begin()
        await fill(one.generations.views(beside), 1, "new")
        assert await one.generations.switch(beside)
        assert await shown(other.views) == "b"
        assert [each.state for each in await other.generations.all()] == ["live"]


EVENT, RUN, CALL = (Id(f"{number:032x}") for number in (1, 2, 3))


async def fill(views: Views, version: int, name: str, time: int = 7) -> None:
    """Write a row of several views."""
    await views.cursor(PROJECTION, version)
    rows: dict[str, dict[RowKey, QueryRow]] = {
        "events": {(EVENT,): EventRow(EVENT, 5, time, name, root=EVENT)},
        "runs": {(RUN,): RunRow(RUN, 4, time, "main", name, "t", "fired", CALL)},
        "participants": {(RUN, 0): ParticipantRow(RUN, 0, "c", "event", EVENT, 5)},
        "invocations": {(CALL,): InvocationRow(CALL, name, "RUNNING", 4, time, RUN, root=new_id())},
        "attempts": {(CALL, 1): AttemptRow(CALL, 1, time, name)},
        "schedules": {("main", name, "c"): ScheduleRow("main", name, "c", "* * * * *", "UTC")},
    }
    assert await views.project(Cursor(PROJECTION, version, 0), cast("Rows", rows), 5)


async def shown(views: Views) -> str:
    """Return the one name that every question is answered with."""
    loaded = cast("dict[RowKey, EventRow]", await views.load("events", [(EVENT,)]))
    names = {
        *(row.code for row in await views.events(EventQuery())),
        *(row.code for row in loaded.values()),
        *(row.trigger for row in await views.runs(RunQuery(source=EVENT))),
        *(row.task for row in await views.invocations(InvocationQuery())),
        *(row.worker for row in await views.attempts(CALL)),
        *(row.trigger for row in await views.schedules()),
    }
    (name,) = names
    return name


async def counts(store: Store, generation: Generation | None) -> dict[str, int]:
    """Return how many rows a generation's views have, of those that have any."""
    async with opened(store) as archive, archive.moment(generation) as moment:
        tables: tuple[RowTable, ...] = ("events", "runs", "participants", "invocations", "attempts", "schedules")
        found = {table: len(await every(moment, table)) for table in tables}
    return {table: count for table, count in found.items() if count}

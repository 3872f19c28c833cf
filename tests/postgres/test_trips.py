"""What goes in one round trip says the same as the longer way, and leaves to that what it cannot do."""

from collections.abc import Awaitable, Callable

import pytest

from ensue.testing.conformance.drafts import (
    TASK,
    begun,
    claim_one,
    commit,
    effective,
    end,
    event,
    fired,
    matched,
    step,
    submitted,
)
from ensue_adapters.postgres import PostgresStore
from ensue_adapters.postgres.work import PostgresWork
from ensue_core.errors import CommitUnknown, HistoryLost
from ensue_core.facts import AttemptStarted, EventEmitted
from ensue_core.ids import new_id
from ensue_core.ports import Committed, Cursor, RowKey, RowTable
from ensue_core.rows import AttemptRow, EventRow, InvocationRow, ParticipantRow, QueryRow, RunRow, WorkRow
from tests.postgres.stores import Proxy, connected, emit, opened, until, whole, writer_of

BAD = "half\0way \ue000 é"


async def test_a_start_names_the_place_of_its_run_wherever_the_step_lands(postgres_url: str) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        run = fired(task='say "created":-1,')
        mine = step(run, begun(run), fired(), clock=1, worker="w1")
        await other.log.append([event(), event(), event()])
        committed = effective(await store.decisions.commit(mine))
        stored = await whole(other)
        assert list(committed.records) == stored[3:]
        (started,) = [record.fact for record in stored if isinstance(record.fact, AttemptStarted)]
        assert started.created == 4
        dump = await other.dump_decisions()
        await other.rebuild_decisions()
        assert await other.dump_decisions() == dump


async def _append(store: PostgresStore) -> object:
    return await store.log.append([event("mine"), submitted()])


async def _append_one(store: PostgresStore) -> object:
    return await store.log.append([event("mine")])


async def _step(store: PostgresStore) -> object:
    return await store.decisions.commit(step(fired(), clock=1))


async def _claim(store: PostgresStore) -> object:
    return await claim_one(store)


@pytest.mark.parametrize("act", [_append, _append_one, _step, _claim])
async def test_what_is_committed_in_the_intake_enters_before(
    postgres_url: str, act: Callable[[PostgresStore], Awaitable[object]]
) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as connection:
        await store.log.append([submitted()])
        await connection.execute("ALTER TABLE intake DISABLE TRIGGER intake_tells")
        await emit(connection, "outside")
        await act(store)
        kinds = [record.fact.code if isinstance(record.fact, EventEmitted) else "" for record in await whole(store)]
        assert kinds.index("outside") == 1
        assert len(kinds) > 2


async def test_ends_enter_after_what_is_committed_in_the_intake(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as connection:
        await store.log.append([submitted()])
        claimed = await claim_one(store)
        await connection.execute("ALTER TABLE intake DISABLE TRIGGER intake_tells")
        await emit(connection, "outside")
        assert await store.work.finish([end(claimed.row)]) == [True]
        assert [record.kind for record in await whole(store)][2:] == ["EventEmitted", "AttemptEnded"]


@pytest.mark.parametrize("act", [_append, _append_one, _step, _claim])
async def test_nothing_is_done_on_a_log_that_lacks_what_was_seen(
    postgres_url: str, act: Callable[[PostgresStore], Awaitable[object]]
) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        await other.log.append([submitted()])
        writer_of(store).witness.saw(7, new_id())
        with pytest.raises(HistoryLost, match="ends at position 1, and position 7 was there before"):
            await act(store)
        assert [record.kind for record in await whole(other)] == ["InvocationCreated"]


async def test_a_claimer_that_saw_what_another_took_takes_the_rest(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        await store.log.append([submitted() for _ in range(4)])
        work = store.work
        assert isinstance(work, PostgresWork)
        seen = await work._open([TASK], 4)

        async def stale(tasks: object, limit: int) -> list[WorkRow]:
            return seen

        monkeypatch.setattr(work, "_open", stale)
        first = await other.work.claim("w2", [TASK], 2, 15)
        second = await work.claim("w1", [TASK], 4, 15)
        third = await work.claim("w1", [TASK], 4, 15)
        assert [len(first), len(second), len(third)] == [2, 2, 0]
        assert {each.row.invocation for each in (*first, *second)} == {row.invocation for row in seen}
        starts = [record.fact for record in await whole(other) if isinstance(record.fact, AttemptStarted)]
        assert [start.invocation for start in starts] == [each.row.invocation for each in (*first, *second)]


async def test_one_late_end_leaves_the_others_theirs(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        await store.log.append([submitted(), submitted()])
        rows = [each.row for each in await store.work.claim("w1", [TASK], 2, 15)]
        assert await store.work.finish([end(rows[0])]) == [True]
        assert await store.work.finish([end(rows[0]), end(rows[1])]) == [False, True]
        assert await store.work.queued() == 0


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_step_whose_only_trip_is_lost_is_found_or_not(postgres_url: str, cut: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store, opened(postgres_url) as other:
        assert isinstance(await store.decisions.commit(step(fired(), clock=1)), Committed)
        last = (await store.decisions.load("main")).row
        proxy.cut_at, proxy.cut = b"lost.task", "before" if cut == "before" else "after"
        mine = step(fired(task="lost.task"), after=last.step, clock=last.clock)
        with pytest.raises(CommitUnknown, match="look up what was stored"):
            await store.decisions.commit(mine)
        assert proxy.cuts == 1
        async with connected(postgres_url) as connection:
            await connection.execute("SELECT pg_advisory_lock('log'::regclass::oid::bigint << 32 | 1)")
        found = await store.decisions.find_step("main", mine.id)
        assert (found is not None) == (cut == "after")
        assert await other.work.queued() == (2 if found is not None else 1)


async def test_a_step_that_waits_goes_the_longer_way(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        await commit(store, matched(1), fired())
        assert len((await store.decisions.load("main")).waiting) == 1
        assert await store.work.queued() == 1


async def test_commits_are_told_to_others_only(postgres_url: str) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other, connected(postgres_url) as connection:
        told: list[str] = []
        for each in (store, other):
            await connection.add_listener(
                writer_of(each).space.mine, lambda _, pid, channel, payload: told.append(channel)
            )
        for act in (_append_one, _append, _step, _claim):
            told.clear()
            await act(store)
            await connection.execute("SELECT")
            assert told == [writer_of(other).space.mine], act
        told.clear()
        await other.log.append([event()])
        await connection.execute("SELECT")
        assert told == [writer_of(store).space.mine]


async def test_who_listens_no_more_is_forgotten(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as connection:
        await connection.execute("INSERT INTO listeners VALUES (1, 'dead', 2147483647)")
        async with opened(postgres_url) as other:
            channels = {row[0] for row in await connection.fetch("SELECT channel FROM listeners")}
            assert channels == {writer_of(store).space.mine, writer_of(other).space.mine}
        channels = {row[0] for row in await connection.fetch("SELECT channel FROM listeners")}
        assert channels == {writer_of(store).space.mine}


def _rows(position: int) -> dict[RowTable, dict[RowKey, QueryRow]]:
    """Rows of every kind that a page makes, with all that a text can hold, and with nothing where that may be."""
    made = fired()
    first, second = made.id, submitted().id
    return {
        "events": {
            (first,): EventRow(first, position, 5, BAD, BAD, second, BAD, BAD, BAD, 1, 2),
            (second,): EventRow(second, position + 1, 5, "plain", root=second),
        },
        "runs": {
            (first,): RunRow(first, position, 5, BAD, BAD, BAD, "fired", second, 3, BAD, BAD, BAD, BAD),
            (second,): RunRow(second, position + 1, 5, "main", "t", "task", "failed"),
        },
        "participants": {(first, 0): ParticipantRow(first, 0, BAD, "event", second, 3, 4)},
        "invocations": {
            (first,): InvocationRow(
                first, BAD, "FAILED", position, 5, second, BAD, second, 1, 2, 3, 4, 5, BAD, BAD, BAD, BAD
            ),
            (second,): InvocationRow(second, "task", "RUNNING", position + 1, 5, root=second),
        },
        "attempts": {
            (first, 1): AttemptRow(first, 1, 5, BAD, 6, "FAILED", position, BAD),
            (second, 1): AttemptRow(second, 1, 5),
        },
    }


async def test_new_rows_are_copied_and_say_what_they_said(postgres_url: str) -> None:
    rows = _rows(10)
    async with opened(postgres_url) as store:
        assert await store.views.cursor("queries", 1) == 0
        assert await store.views.project(Cursor("queries", 1, 0), rows, 12)
        for table, some in rows.items():
            assert await store.views.load(table, list(some)) == some


async def test_rows_that_only_looked_new_are_written_all_the_same(postgres_url: str) -> None:
    rows = _rows(10)
    async with opened(postgres_url) as store:
        await store.views.cursor("queries", 1)
        assert await store.views.project(Cursor("queries", 1, 0), rows, 5)
        assert await store.views.project(Cursor("queries", 1, 5), rows, 12)
        assert await store.views.cursor("queries", 1) == 12
        for table, some in rows.items():
            assert await store.views.load(table, list(some)) == some


async def test_a_connection_comes_back_to_hand(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        for _ in range(20):
            await store.log.append([event()])
            await store.log.head()
        pool = writer_of(store).connections._pool
        assert pool is not None
        assert pool.get_size() <= 2
        async with connected(postgres_url) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ensue'"
            )
        await until(lambda: pool.get_size() == 0)
        assert (await store.log.head()).position == 20

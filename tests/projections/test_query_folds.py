"""The query views: what each fact does to them, and that no cut of the log into pages changes the rows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue.testing import ManualClock
from ensue.testing.conformance.drafts import CRON_ID, SPEC
from ensue.testing.conformance.history import History
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    ConditionMatched,
    CronTicked,
    DepthExceeded,
    EndStatus,
    EventEmitted,
    Fact,
    Failure,
    InvocationCancelled,
    InvocationCreated,
    MatchesDropped,
    Participant,
    RunFailed,
    ServicePaused,
    ServiceResumed,
    Through,
    TicksSkipped,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
    decode_fact,
    encode_fact,
)
from ensue_core.ids import Id
from ensue_core.ports import RowKey, RowTable
from ensue_core.records import Record
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
from ensue_projections.queries import QueryFold

Tables = dict[RowTable, dict[RowKey, QueryRow]]
RAW = msgspec.Raw(b"{}")


def folded(log: Sequence[Record], cuts: Sequence[int] = ()) -> Tables:
    """Fold a log cut into pages, giving each page the rows that it says it touches and no others."""
    fold, tables = QueryFold(), Tables()
    edges = [0, *sorted(set(cuts)), len(log)]
    for start, stop in pairwise(edges):
        page = log[start:stop]
        touched = fold.touched(page)
        rows: Tables = {}
        for table, keys in touched.keys.items():
            rows[table] = {key: tables[table][key] for key in keys if key in tables.get(table, {})}
        for table, families in touched.families.items():
            for key, row in tables.get(table, {}).items():
                if any(key[: len(family)] == family for family in families):
                    rows.setdefault(table, {})[key] = row
        for table, changed in fold.fold(page, rows).items():
            tables.setdefault(table, {}).update(changed)
    return tables


def log_of(*facts: Fact | tuple[str, Fact]) -> list[Record]:
    """Make a log of facts, with ids where they matter; the record at position p has the time 10 p."""
    records: list[Record] = []
    for position, each in enumerate(facts, 1):
        id, fact = each if isinstance(each, tuple) else (f"r{position}", each)
        records.append(Record(position, Id(id), position * 10, fact, "the-cause", "the-root"))
    return records


def row_of(log: Sequence[Record], table: RowTable, *key: str | int) -> QueryRow:
    """Return one row; it must be the same in one page and in a page for each record."""
    row = folded(log)[table][key]
    assert folded(log, range(len(log)))[table][key] == row
    return row


def event(id: str) -> tuple[str, Fact]:
    return id, EventEmitted("order.paid", RAW)


def waits(match: str, source: str, position: int, kind: str = "event") -> tuple[str, Fact]:
    assert kind in ("event", "cron")
    cron = kind == "cron"
    return match, ConditionMatched(
        "main", "t1", "c1", "k", "cron" if cron else "event", Id(source), position, 10 * position, 999
    )


def with_event(match: str, source: str, position: int) -> Participant:
    return Participant("c1", Id(match), "event", Id(source), position, 0, 10 * position)


def with_slot(match: str, source: str, slot: int) -> Participant:
    return Participant("c2", Id(match), "cron", Id(source), 0, 0, slot)


def ran(*participants: Participant, invocation: str = "i1") -> TriggerFired:
    return TriggerFired("main", "t1", "v", "task", Id(invocation), RAW, participants=participants)


class TestEvents:
    def test_an_event_is_a_row(self) -> None:
        emitted = EventEmitted("a.b", RAW, "key", Id("i9"), "task", depth=2)
        assert row_of(log_of(("e", emitted)), "events", "e") == EventRow(
            Id("e"), 1, 10, "a.b", "key", Id("i9"), "task", "the-cause", "the-root"
        )

    @pytest.mark.parametrize(
        ("facts", "counts"),
        [
            ([], (0, 0)),
            ([ran(with_event("m", "e", 1))], (1, 1)),
            ([waits("m", "e", 1)], (1, 0)),
            ([waits("m", "e", 1), event("f"), ran(with_event("m", "e", 1), with_event("n", "f", 3))], (1, 1)),
            ([event("f"), ran(with_event("n", "f", 2), with_event("m", "e", 1))], (0, 1)),
            ([ran(with_event("m", "e", 1), with_event("n", "e", 1))], (2, 1)),
            ([ran(with_event("m", "e", 1)), ran(with_event("n", "e", 1), invocation="i2")], (2, 2)),
            ([waits("m", "e", 1), waits("n", "e", 1), WindowExpired("main", "t1", (Id("m"),))], (2, 0)),
            ([RunFailed("main", "t1", "v", "task", "no", participants=(with_event("m", "e", 1),))], (1, 0)),
            (
                [DepthExceeded("main", "t1", "v", "task", 101, participants=(with_event("m", "e", 1),))],
                (1, 0),
            ),
        ],
        ids=[
            "unheard",
            "fired at once",
            "waits",
            "waited, then fired",
            "waited without a record of it",
            "completed two conditions at once",
            "fired two triggers",
            "two matches wait, one expires",
            "failed run",
            "too deep",
        ],
    )
    def test_a_match_counts_once(self, facts: list[Fact | tuple[str, Fact]], counts: tuple[int, int]) -> None:
        row = row_of(log_of(event("e"), *facts), "events", "e")
        assert isinstance(row, EventRow)
        assert (row.matched, row.triggered) == counts

    def test_an_event_that_waited_for_a_slot_counts_once(self) -> None:
        run = ran(with_event("m", "e", 1), with_slot("n", "s", 15))
        row = row_of(log_of(event("e"), waits("m", "e", 1), run), "events", "e")
        assert isinstance(row, EventRow)
        assert (row.matched, row.triggered) == (1, 1)

    def test_an_event_that_a_slot_waited_for_counts_once(self) -> None:
        log = log_of(ServicePaused("x"), waits("n", "s", 0, "cron"), event("e"))
        run = ran(with_event("m", "e", 3), with_slot("n", "s", 15))
        row = row_of([*log, *log_of(*[ServicePaused("x")] * 3, run)[3:]], "events", "e")
        assert isinstance(row, EventRow)
        assert (row.matched, row.triggered) == (1, 1)


class TestRuns:
    def test_a_run_and_its_participants_are_rows(self) -> None:
        run = TriggerFired(
            "main", "t1", "v", "task", Id("i"), RAW, 2, '"k"',
            (with_event("m", "e", 1), with_slot("n", "s", 7)), author="ann",
        )  # fmt: skip
        log = log_of(("r", run))
        assert row_of(log, "runs", "r") == RunRow(
            Id("r"), 1, 10, "main", "t1", "task", "fired", Id("i"), 2, '"k"', "", "ann", "the-root"
        )
        assert row_of(log, "participants", "r", 0) == ParticipantRow(Id("r"), 0, "c1", "event", Id("e"), 1, 10)
        assert row_of(log, "participants", "r", 1) == ParticipantRow(Id("r"), 1, "c2", "cron", Id("s"), 0, 7)

    def test_a_run_without_an_invocation_says_why(self) -> None:
        one = row_of(log_of(("r", RunFailed("main", "t1", "v", "task", "raised", "E: x"))), "runs", "r")
        other = row_of(log_of(("r", DepthExceeded("main", "t1", "v", "task", 101))), "runs", "r")
        assert isinstance(one, RunRow)
        assert isinstance(other, RunRow)
        assert (one.outcome, one.invocation, one.reason) == ("failed", None, "raised")
        assert (other.outcome, other.invocation, other.reason) == ("too deep", None, "depth 101")


def started(attempt: int = 1) -> AttemptStarted:
    return AttemptStarted(Id("i"), attempt, "task", 1, f"w{attempt}")


def ended(status: EndStatus, attempt: int = 1, due: int = 0) -> AttemptEnded:
    failure = Failure("E", "no") if status in ("FAILED", "RETRY") else None
    return AttemptEnded(Id("i"), attempt, "task", 1, status, failure=failure, due=due)


CREATED: tuple[str, Fact] = "i", InvocationCreated("task", RAW, emitter=Id("i0"))
CANCELLED = InvocationCancelled(Id("i"), "task", 1)


class TestInvocations:
    def test_a_submit_registers(self) -> None:
        assert row_of(log_of(CREATED), "invocations", "i") == InvocationRow(
            Id("i"), "task", "REGISTERED", 1, 10, emitter=Id("i0"), cause="the-cause", root="the-root"
        )

    def test_a_run_registers(self) -> None:
        assert row_of(log_of(("r", ran(invocation="i"))), "invocations", "i") == InvocationRow(
            Id("i"), "task", "REGISTERED", 1, 10, Id("r"), "t1", cause="the-cause", root="the-root"
        )

    @pytest.mark.parametrize(("due", "status"), [(0, "REGISTERED"), (10, "REGISTERED"), (11, "SCHEDULED")])
    def test_what_is_due_later_is_scheduled(self, due: int, status: str) -> None:
        for fact in (
            InvocationCreated("task", RAW, due=due),
            TriggerFired("main", "t1", "v", "task", Id("i"), RAW, due=due),
        ):
            row = row_of(log_of(("i", fact)), "invocations", "i")
            assert isinstance(row, InvocationRow)
            assert (row.status, row.due) == (status, due)

    @pytest.mark.parametrize(
        ("life", "expected"),
        [
            ([started()], {"status": "RUNNING", "attempts": 1, "started": 20}),
            ([started(), ended("SUCCESS")], {"status": "SUCCESS", "ended": 30, "ended_at": 3}),
            (
                [started(), ended("FAILED")],
                {"status": "FAILED", "ended": 30, "ended_at": 3, "error_type": "E", "error_message": "no"},
            ),
            (
                [started(), ended("RETRY", due=77)],
                {"status": "RETRY", "ended": 0, "due": 77, "error_type": "E", "attempts": 1},
            ),
            ([started(), ended("RELEASED")], {"status": "REGISTERED", "ended": 0, "error_type": None}),
            ([started(), ended("LOST")], {"status": "REGISTERED", "ended": 0}),
            (
                [started(), ended("RETRY", due=77), started(2)],
                {"status": "RUNNING", "attempts": 2, "started": 20},
            ),
            (
                [started(), ended("RETRY"), started(2), ended("SUCCESS", 2)],
                {
                    "status": "SUCCESS",
                    "attempts": 2,
                    "error_type": None,
                    "error_message": None,
                    "ended_at": 5,
                },
            ),
            ([CANCELLED], {"status": "CANCELLED", "started": 0, "ended": 20, "ended_at": 2}),
            ([started(), CANCELLED], {"status": "CANCELLED", "attempts": 1, "ended": 30}),
        ],
        ids=lambda value: "+".join(getattr(each, "status", type(each).__name__) for each in value),
    )
    def test_status_follows_the_facts(self, life: list[Fact], expected: Mapping[str, object]) -> None:
        row = row_of(log_of(CREATED, *life), "invocations", "i")
        assert {name: getattr(row, name) for name in expected} == expected

    def test_facts_about_nobody_change_nothing(self) -> None:
        tables = folded(log_of(ended("SUCCESS"), CANCELLED))
        assert tables == {}


class TestAttempts:
    def test_an_attempt_starts_and_ends(self) -> None:
        log = log_of(CREATED, started(), ended("RETRY"), started(2))
        assert row_of(log, "attempts", "i", 1) == AttemptRow(Id("i"), 1, 20, "w1", 30, "RETRY", 3, "E")
        assert row_of(log, "attempts", "i", 2) == AttemptRow(Id("i"), 2, 40, "w2")

    def test_a_cancellation_ends_the_attempt_that_runs(self) -> None:
        log = log_of(CREATED, started(), ended("LOST"), started(2), CANCELLED)
        assert row_of(log, "attempts", "i", 1) == AttemptRow(Id("i"), 1, 20, "w1", 30, "LOST", 3)
        assert row_of(log, "attempts", "i", 2) == AttemptRow(Id("i"), 2, 40, "w2", 50, "CANCELLED", 5)


class TestTriggers:
    def test_statistics_count_facts(self) -> None:
        log = log_of(
            event("e"),
            waits("m", "e", 1),
            event("f"),
            ran(with_event("m", "e", 1), with_event("n", "f", 3)),
            RunFailed("main", "t1", "v", "task", "no", participants=(with_event("o", "f", 3),)),
            DepthExceeded("main", "t1", "v", "task", 101),
            WindowExpired("main", "t1", (Id("x"), Id("y"))),
            MatchesDropped("main", "t1", (Id("z"),), "closed"),
        )
        assert row_of(log, "trigger_stats", "main", "t1") == TriggerStatsRow("main", "t1", 1, 2, 3, 2, 1, 40)

    def test_services_are_told_apart(self) -> None:
        other = TriggerFired("other", "t1", "v", "task", Id("i2"), RAW)
        stats = folded(log_of(ran(), other))["trigger_stats"]
        assert set(stats) == {("main", "t1"), ("other", "t1")}


def declared(timers: dict[str, int], spec: object = SPEC) -> TriggerDeclared:
    assert isinstance(spec, type(SPEC))
    return TriggerDeclared("main", "t1", "v", spec, timers=timers)


class TestSchedules:
    def test_ticks_and_skips_move_a_schedule(self) -> None:
        log = log_of(
            declared({CRON_ID: 60}),
            CronTicked("main", "t1", CRON_ID, 60, 120),
            TicksSkipped("main", "t1", CRON_ID, 3, 120, 240, 300),
            CronTicked("main", "t1", CRON_ID, 300, 360),
        )
        assert row_of(log, "schedules", "main", "t1", CRON_ID) == ScheduleRow(
            "main", "t1", CRON_ID, "* * * * *", "UTC", 360, 300, 2, 3
        )

    @pytest.mark.parametrize(
        ("fact", "following"),
        [
            (TriggerRetired("main", "t1"), 0),
            (TriggerRetired("main", "t2"), 60),
            (TriggerRetired("other", "t1"), 60),
            (declared({CRON_ID: 61}), 61),
            (declared({}, msgspec.structs.replace(SPEC, conditions={})), 0),
            (TriggerPaused("main", "t1", Through()), 60),
            (TriggerResumed("main", "t1", timers={CRON_ID: 99}), 99),
            (ServiceResumed("main", timers={"t1": {CRON_ID: 98}}), 98),
        ],
    )
    def test_the_next_slot_follows_declarations(self, fact: Fact, following: int) -> None:
        log = log_of(declared({CRON_ID: 60}), CronTicked("main", "t1", CRON_ID, 50, 60), fact)
        row = row_of(log, "schedules", "main", "t1", CRON_ID)
        assert isinstance(row, ScheduleRow)
        assert (row.next, row.last, row.ticks) == (following, 50, 1)


class TestProblems:
    @pytest.mark.parametrize(
        ("fact", "trigger", "reason", "error"),
        [
            (ConditionFailed("main", "t1", "c", 1, 0, "raised", "E: x"), "t1", "raised", "E: x"),
            (RunFailed("main", "t1", "v", "task", "mismatch", "E: y"), "t1", "mismatch", "E: y"),
            (DepthExceeded("main", "t1", "v", "task", 101), "t1", "depth 101", ""),
            (WindowExpired("main", "t1", (Id("a"), Id("b"))), "t1", "2 waiting", ""),
            (MatchesDropped("main", "t1", (Id("a"),), "overflow"), "t1", "overflow", ""),
            (TicksSkipped("main", "t1", "c", 3, 1, 2, 3, "catch-up"), "t1", "catch-up", ""),
            (TriggerPaused("main", "t1", Through(), "timeouts"), "t1", "timeouts", ""),
            (ServicePaused("main"), "", "service main", ""),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Fact) else None,
    )
    def test_what_goes_wrong_is_a_row(self, fact: Fact, trigger: str, reason: str, error: str) -> None:
        row = row_of(log_of(fact), "problems", 1)
        assert row == ProblemRow(1, 10, type(fact).__name__, trigger, reason, error)

    def test_leftovers_of_a_join_are_no_problem(self) -> None:
        assert "problems" not in folded(log_of(MatchesDropped("main", "t1", (Id("a"),), "closed")))


def _history(seed: int) -> list[Record]:
    async def live() -> list[Record]:
        clock = ManualClock()
        store = MemoryStore(MemoryWorld(), "a", clock)
        await store.open()
        await History(seed, [store], clock).run(250)
        return list(await store.log.read(0, 100_000))

    return asyncio.run(live())


HISTORIES = [_history(seed) for seed in range(4)]


@settings(deadline=None)
@given(st.integers(0, len(HISTORIES) - 1), st.data())
def test_no_cut_into_pages_changes_a_row(number: int, data: st.DataObject) -> None:
    log = HISTORIES[number]
    cuts = data.draw(st.lists(st.integers(1, len(log) - 1), max_size=30))
    assert folded(log, cuts) == folded(log)


@pytest.mark.parametrize("number", range(len(HISTORIES)))
def test_a_page_for_each_record_changes_no_row(number: int) -> None:
    log = HISTORIES[number]
    assert folded(log, range(len(log))) == folded(log)


@pytest.mark.parametrize("number", range(len(HISTORIES)))
def test_an_event_counts_its_distinct_matches_and_its_runs(number: int) -> None:
    matches: dict[str, set[str]] = {}
    runs: dict[str, set[str]] = {}
    for record in HISTORIES[number]:
        match record.fact:
            case ConditionMatched() as fact:
                matches.setdefault(fact.source, set()).add(record.id)
            case TriggerFired() | RunFailed() | DepthExceeded() as fact:
                for each in fact.participants:
                    matches.setdefault(each.source, set()).add(each.match)
                    if isinstance(fact, TriggerFired):
                        runs.setdefault(each.source, set()).add(record.id)
            case _:
                pass
    rows = folded(HISTORIES[number])["events"].values()
    assert any(matches.values())
    for row in rows:
        assert isinstance(row, EventRow)
        assert row.matched == len(matches.get(row.id, ()))
        assert row.triggered == len(runs.get(row.id, ()))


def test_rows_that_are_not_touched_do_no_harm() -> None:
    log = HISTORIES[0]
    half = len(log) // 2
    before = folded(log[:half])
    for seed in range(3):
        shuffled: Tables = {
            table: dict(Random(seed).sample(list(rows.items()), len(rows))) for table, rows in before.items()
        }
        after = QueryFold().fold(log[half:], shuffled)
        whole = folded(log)
        assert {table: {**before.get(table, {}), **after.get(table, {})} for table in whole} == whole


def written(log: Sequence[Record]) -> bytes:
    """Write a log down."""
    plain = [
        (each.position, each.id, each.time, encode_fact(each.fact).decode(), each.cause, each.root) for each in log
    ]
    return msgspec.json.encode(plain)


def digest_of(text: bytes) -> str:
    """Fold a log that was written down, in pages, and return the rows as text."""
    log = [
        Record(position, Id(id), time, decode_fact(fact.encode()), cause, root)
        for position, id, time, fact, cause, root in msgspec.json.decode(text)
    ]
    tables = folded(log, range(0, len(log), 37))
    rows = sorted((table, repr(key), repr(row)) for table, of in tables.items() for key, row in of.items())
    return msgspec.json.encode(rows).decode()


def test_the_hash_seed_changes_no_row() -> None:
    text = written(HISTORIES[1])
    root = Path(__file__).parents[2]
    answers = {
        subprocess.run(
            [sys.executable, "-c", "import sys\nfrom tests.projections.test_query_folds import digest_of\n"
             "print(digest_of(sys.stdin.buffer.read()))"],
            input=text,
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=root,
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert len(answers) == 1
    assert answers.pop().decode().strip() == digest_of(text)

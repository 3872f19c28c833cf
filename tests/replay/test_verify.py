"""Verification says that a sound log is sound, names each flaw of one that is not, and writes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ensue import Tasks, on_event
from ensue.replay.rebuild import rebuild_decisions, rebuild_queries
from ensue_adapters.memory.space import Space
from ensue_core.archive import DECISION_TABLES, QUERY_TABLES
from ensue_core.errors import StoreError, StoreUnavailable
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionMatched,
    CronTicked,
    Decided,
    EventEmitted,
    Fact,
    Ingested,
    InvocationCancelled,
    Through,
    TriggerFired,
)
from ensue_core.ids import Id, new_id
from ensue_core.records import Record
from ensue_core.rows import EventRow, InvocationRow
from ensue_projections.queries import PROJECTION, VERSION
from tests.engine.kits import MemoryKits, OpenKit, SQLiteKits
from tests.replay.kits import archive_of, played, space_of, verified


async def test_a_sound_log_and_its_views_agree_however_it_is_read(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        found = [await verified(t.engine.store, page) for page in (1, 7, 4_000)]
        assert found[0] == found[1] == found[2]
        assert found[0].well
        assert found[0].flaws == ()
        assert [each.view for each in found[0].views] == [*QUERY_TABLES, *DECISION_TABLES]
        assert {each.verdict for each in found[0].views} == {"equal"}
        rows = {each.view: each.folded.rows for each in found[0].views}
        empty = {"waiting", "work", *({"schedules", "timers"} if open_kit.kind == "sqlite" else ())}
        assert {view for view, count in rows.items() if not count} <= empty
        assert found[0].position == (await t.engine.store.log.head()).position
        assert found[0].steps > 10
        assert found[0].runs > 10


async def test_every_store_gives_one_log_the_same_digests(tmp_path: Path) -> None:
    """The digest is of the rows, not of how a store keeps them."""
    async with played(MemoryKits()) as t:
        space, expected = space_of(t.engine.store), await verified(t.engine.store)
    other = SQLiteKits(tmp_path)
    async with other() as t:
        store = t.engine.store
        await store.views.drop()
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as file:
        file.execute("DROP TRIGGER log_no_delete")
        file.execute("DELETE FROM log")
        (namespace,) = file.execute("SELECT id FROM namespaces").fetchone()
        for each in space.records:
            root = None if each.root == each.id else each.root
            values = (
                namespace << 40 | each.position,
                bytes.fromhex(each.id),
                each.time,
                each.kind,
                1,
                each.cause,
                root,
            )
            file.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, each.data))
    file.close()
    async with other() as t:
        await t.engine.store.rebuild_decisions()
        await t.settle()
        head = (await t.engine.store.log.head()).position
        found = await verified(t.engine.store)
    assert found.well
    assert head >= expected.position
    if head == expected.position:
        assert found.views == expected.views


def test_a_digest_does_not_depend_on_the_order_of_rows_and_on_nothing_but_them() -> None:
    from ensue_projections.digests import Sum

    rows = [EventRow(Id(f"{n:032x}"), n, n, "a", matched=n % 3, triggered=n % 2) for n in range(1, 50)]
    one, other, counted = Sum("events"), Sum("events"), Sum("events")
    one.add(rows)
    other.add(reversed(rows))
    counted.add(replace(row, matched=0, triggered=0) for row in rows)
    assert one.digest() != counted.digest()
    counted.count(EventRow(row.id, 0, 0, "", matched=row.matched) for row in rows)
    counted.count(EventRow(row.id, 0, 0, "", triggered=row.triggered) for row in rows)
    assert one.digest() == other.digest() == counted.digest()
    for change in ({"matched": 9}, {"triggered": 9}, {"code": "b"}, {"root": "c"}):
        third = Sum("events")
        third.add([*rows[:-1], replace(rows[-1], **cast("dict[str, Any]", change))])
        assert third.digest() != one.digest()


async def test_digests_do_not_depend_on_the_process(tmp_path: Path) -> None:
    kits = SQLiteKits(tmp_path)
    async with played(kits):
        pass
    said: set[str] = set()
    script = str(Path(__file__).with_name("program_digests.py"))
    for seed, zone, page in (("0", "UTC", "4000"), ("1", "Pacific/Auckland", "1"), ("77", "America/New_York", "13")):
        path = os.pathsep.join(each for each in sys.path if each)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": path}
        process = await asyncio.create_subprocess_exec(
            sys.executable, script, kits.url, page, env=environment, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        said.add(out.decode())
    assert len(said) == 1
    assert said.pop().startswith("True events=")


# Flaws of the log, each planted in a log that is sound but for it.


def the(space: Space, kind: type[Fact], where: Callable[[Any], bool] = lambda fact: True, last: bool = False) -> Record:
    """Return the first or the last record of a kind."""
    found = [each for each in space.records if isinstance(each.fact, kind) and where(each.fact)]
    return found[-1 if last else 0]


def change(space: Space, record: Record, **fields: Any) -> None:
    """Put another fact where one stood."""
    fact = cast("Fact", replace(cast("Any", record.fact), **fields))
    space.records[record.position - 1] = replace(record, fact=fact)


def drop(space: Space, record: Record) -> None:
    del space.records[record.position - 1]


def joins(space: Space) -> Record:
    return the(space, TriggerFired, lambda fact: len(fact.participants) > 1)


def move_participant(space: Space, position: Callable[[int], int]) -> None:
    record = the(space, TriggerFired, lambda fact: [each.kind for each in fact.participants] == ["event"], last=True)
    (first,) = cast("TriggerFired", record.fact).participants
    change(space, record, participants=(replace(first, position=position(record.position)),))


def swap_source(space: Space) -> None:
    record = the(space, ConditionMatched)
    change(space, record, source=new_id())


def fire_twice(space: Space) -> None:
    record = the(space, TriggerFired, lambda fact: len(fact.participants) == 1)
    space.records.append(replace(record, position=len(space.records) + 1, time=space.records[-1].time))


def use_again(space: Space) -> None:
    """A second run of a join with the matches of the first."""
    fact = cast("TriggerFired", joins(space).fact)
    record = the(space, TriggerFired, lambda other: len(other.participants) > 1 and other is not fact, last=True)
    change(space, record, participants=fact.participants, trigger=fact.trigger)


def older(space: Space) -> None:
    record = space.records[20]
    space.records[20] = replace(record, time=space.records[18].time - 1)


def end_twice(space: Space) -> None:
    record = the(space, AttemptEnded)
    again = replace(record, id=new_id(), position=len(space.records) + 1, time=space.records[-1].time)
    space.records.append(again)


def cut_step(space: Space) -> None:
    """The log ends in the middle of a Step."""
    last = the(space, Decided, lambda fact: fact.facts, last=True)
    del space.records[last.position - 1 :]


FLAWS: dict[str, tuple[Callable[[Space], None], str]] = {
    "a topic's batch follows another": (
        lambda space: change(space, the(space, Ingested, last=True), after=3),
        "follows offset 3 of partition 0 of orders, of which 4 was taken last",
    ),
    "a record is missing": (lambda space: drop(space, the(space, EventEmitted, last=True)), "are missing"),
    "time goes back": (older, "older than the record before it"),
    "a Step follows another": (
        lambda space: change(space, the(space, Decided, last=True), after=new_id()),
        "the chain's last is",
    ),
    "a Step lost one before it": (lambda space: drop(space, the(space, Decided)), "follows Step"),
    "a fact of a Step was changed": (lambda space: change(space, joins(space), key="x"), "was changed"),
    "a Step's clock was changed": (
        lambda space: change(space, the(space, Decided, last=True), clock=1),
        "lets time pass to 1",
    ),
    "a Step has read itself": (
        lambda space: change(space, the(space, Decided, last=True), through=Through((9_999,))),
        "past itself",
    ),
    "a Step holds more": (
        lambda space: change(space, the(space, Decided, last=True), facts=9_999),
        "which do not stand before it",
    ),
    "a Step is cut off": (cut_step, "outside any Step"),
    "a participant comes later": (lambda space: move_participant(space, lambda at: at + 1), "comes after it"),
    "a participant is not there": (lambda space: move_participant(space, lambda at: 1), "that is not there"),
    "a match of nothing": (swap_source, "that is not there"),
    "a slot never ticked": (lambda space: drop(space, the(space, CronTicked)), "that is not there"),
    "a trigger fires twice": (fire_twice, "fires again"),
    "a match is used twice": (use_again, "did not wait"),
    "a run is not itself": (lambda space: change(space, joins(space), invocation=new_id()), "the id that follows"),
    "nobody fired": (
        lambda space: change(space, the(space, TriggerFired, lambda fact: fact.author), author=None),
        "by nobody's hand",
    ),
    "an attempt out of turn": (
        lambda space: change(space, the(space, AttemptStarted), attempt=7),
        "starts attempt 7 where attempt 1 is due",
    ),
    "an attempt of nothing": (
        lambda space: change(space, the(space, AttemptStarted), invocation=new_id()),
        "does not exist",
    ),
    "an attempt of another": (lambda space: change(space, the(space, AttemptStarted), created=1), "was created at 1"),
    "an attempt ends twice": (end_twice, "which does not run"),
    "a cancellation of nothing": (
        lambda space: change(space, the(space, InvocationCancelled), invocation=new_id()),
        "cancels invocation",
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_flaw_of_the_log_is_named(flaw: str) -> None:
    plant, said = FLAWS[flaw]
    async with played(MemoryKits()) as t:
        space = space_of(t.engine.store)
        records = list(space.records)
        plant(space)
        found = await verified(t.engine.store)
        assert not found.well
        assert any(said in each.says for each in found.flaws), found.flaws
        space.records[:] = records
        assert (await verified(t.engine.store)).well


def said_yes(payload: dict[str, Any]) -> bool:
    return bool(payload["n"] >= ANSWER["least"])


ANSWER = {"least": 2}


async def test_code_that_answers_otherwise_today_changes_nothing(
    open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided is read from the log, whatever filters say today, and with the program or without it."""

    def program() -> Tasks:
        tasks = Tasks()

        @tasks.task(triggers=on_event("a", said_yes).with_args_from_event("n"))
        async def work(n: int) -> int:
            return n

        return tasks

    async with open_kit(program()) as t:
        for n in range(5):
            await t.emit("a", {"n": n})
        await t.settle()
        assert len(t.ran("work")) == 3
        before = await verified(t.engine.store)
    monkeypatch.setitem(ANSWER, "least", 100)
    async with open_kit(program()) as t:
        await t.settle()
        await t.engine.events.list()
        found = await verified(t.engine.store)
        assert found.well
        assert {each.view: each.folded.rows for each in found.views} == {
            each.view: each.folded.rows for each in before.views
        }
        async with archive_of(t.engine.store) as archive:
            assert not (await rebuild_queries(t.engine.store, archive)).different
            rebuilt, _ = await rebuild_decisions(t.engine.store, archive)
        assert not rebuilt.different
        assert [each for each in (await verified(t.engine.store)).views if each.verdict != "equal"] == []
        kept = {each.view: each.folded for each in before.views if each.view in ("runs", "participants", "attempts")}
        assert {each.view: each.folded for each in found.views if each.view in kept} == kept


async def test_what_is_too_far_back_to_be_remembered_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from ensue_projections import soundness

    monkeypatch.setattr(soundness, "RECENT", 5)
    async with played(MemoryKits()) as t:
        assert (await verified(t.engine.store, 3)).well
        space = space_of(t.engine.store)
        record = joins(space)
        waited = the(space, ConditionMatched)
        swapped = replace(cast("ConditionMatched", waited.fact), position=1, source=space.records[4].id)
        space.records[waited.position - 1] = replace(waited, fact=swapped)
        assert record.position > 20
        found = await verified(t.engine.store, 3)
        assert any("that is not there" in each.says for each in found.flaws)


async def test_very_many_flaws_are_counted_and_some_are_told() -> None:
    async with played(MemoryKits()) as t:
        space = space_of(t.engine.store)
        space.records[:] = [each for each in space.records if each.position % 2]
        found = await verified(t.engine.store)
        assert found.flaws_count >= len(found.flaws)
        assert len(found.flaws) <= 100
        assert found.flaws_count > 50


# Views that differ.


async def test_a_view_that_differs_is_named_and_no_other() -> None:
    async with played(MemoryKits()) as t:
        views = space_of(t.engine.store).views
        key, row = next(iter(views.tables["invocations"].rows.items()))
        assert isinstance(row, InvocationRow)
        views.tables["invocations"].rows[key] = replace(row, attempts=row.attempts + 1)
        found = await verified(t.engine.store)
        assert [each.view for each in found.views if each.verdict == "different"] == ["invocations"]
        assert not found.well
        assert not found.flaws_count


async def test_decision_views_are_compared_too(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        chains = space_of(t.engine.store).chains
        row = chains.chains["main"]
        chains.chains["main"] = replace(row, clock=row.clock + 1)
        found = await verified(t.engine.store)
        assert [each.view for each in found.views if each.verdict == "different"] == ["chains"]


async def test_query_views_that_lag_are_compared_where_they_stand(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        store = t.engine.store
        at = await store.views.cursor(PROJECTION, VERSION)
        await store.log.append([])
        await t.engine.emit("nobody.hears", {})
        await t.engine.emit("nobody.hears", {})
        found = await verified(store)
        assert found.well
        assert found.position >= at + 2


async def test_views_that_were_never_folded_are_said_to_be(open_kit: OpenKit) -> None:
    async with open_kit() as t:
        found = await verified(t.engine.store)
        assert found.well
    store = t.engine
    async with store as engine:
        await engine.store.views.drop()
        await engine.emit("a", {})
        found = await verified(engine.store)
        assert {each.verdict for each in found.views if each.view in QUERY_TABLES} == {"not folded"}
        assert {each.verdict for each in found.views if each.view in DECISION_TABLES} == {"equal"}
        assert found.well


async def test_views_of_another_version_of_the_fold_are_not_compared(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        views = space_of(t.engine.store).views
        views.cursors[PROJECTION] = (VERSION + 1, views.cursors[PROJECTION][1])
        found = await verified(t.engine.store)
        assert {each.verdict for each in found.views if each.view in QUERY_TABLES} == {"not folded"}


# Reading only.


async def test_verification_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    kits = SQLiteKits(tmp_path)
    async with played(kits):
        pass
    path = tmp_path / "log.db"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    from ensue_adapters.sqlite import open_store
    from ensue_core.clock import SYSTEM_CLOCK

    found = await verified(open_store(kits.url, "test", SYSTEM_CLOCK))
    assert found.well
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


async def test_the_file_itself_refuses_an_archive_that_would_write(tmp_path: Path) -> None:
    from ensue_adapters.sqlite.connection import connect_archive
    from ensue_adapters.sqlite.url import parse_url

    async with played(SQLiteKits(tmp_path)):
        connection = connect_archive(parse_url(f"sqlite:///{tmp_path}/log.db"))
        connection.execute("PRAGMA query_only = 0")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM events")
        connection.close()


async def test_an_archive_is_not_made_where_there_is_none(tmp_path: Path) -> None:
    from ensue_adapters.sqlite import open_store
    from ensue_core.clock import SYSTEM_CLOCK

    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(StoreUnavailable, match="no store at"):
        await verified(open_store(url, "test", SYSTEM_CLOCK))
    assert not os.listdir(tmp_path)
    async with played(SQLiteKits(tmp_path)):
        pass
    with pytest.raises(StoreUnavailable, match=r"no namespace 'other' .*it has 'test'.* --app-id"):
        await verified(open_store(f"sqlite:///{tmp_path}/log.db", "other", SYSTEM_CLOCK))


async def test_a_log_of_a_newer_format_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async with played(SQLiteKits(tmp_path)) as t:
        with sqlite3.connect(tmp_path / "log.db") as file:
            file.execute("DROP TRIGGER log_no_update")
            file.execute("UPDATE log SET version = 99 WHERE position = 12")
        file.close()
        with pytest.raises(StoreError, match=r"format 99, newer than this version reads: upgrade ensue"):
            await verified(t.engine.store)


async def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with played(SQLiteKits(tmp_path)) as t:
        with sqlite3.connect(tmp_path / "log.db") as file:
            file.execute("DROP TRIGGER log_no_update")
            file.execute("UPDATE log SET data = x'7b' WHERE position = 12")
        file.close()
        with pytest.raises(StoreError, match=r"record 12 .* cannot be read"):
            await verified(t.engine.store)


async def test_a_truncated_log_is_told_from_a_whole_one(open_virtual: OpenKit) -> None:
    async with played(open_virtual) as t:
        space = space_of(t.engine.store)
        head = len(space.records)
        del space.records[-3:]
        found = await verified(t.engine.store)
        assert any(f"folded it up to {head}" in each.says for each in found.flaws)

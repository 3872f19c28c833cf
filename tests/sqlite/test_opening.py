"""Files that cannot be used: one clear error each, at once."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ensue.testing.conformance.drafts import event
from ensue_adapters.sqlite.schema import VERSION
from ensue_adapters.sqlite.trouble import translate
from ensue_core.errors import SchemaMismatch, StoreUnavailable
from ensue_core.topics import Batch, Taken
from tests.permissions import obeyed
from tests.sqlite.stores import ask, line_of, opened, other_process, whole, writer_of


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"/none does not exist: create it"):
        async with opened(tmp_path / "none" / "a.db"):
            pass


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("not a database " * 1000)
    with pytest.raises(StoreUnavailable, match="not a SQLite database"):
        async with opened(path):
            pass
    assert path.read_text().startswith("not a database")


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        async with opened(tmp_path / "a.db"):
            pass


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ask(path, "CREATE TABLE events (id INTEGER)")
    with pytest.raises(StoreUnavailable, match="another program's database"):
        async with opened(path):
            pass
    assert ask(path, "SELECT name FROM sqlite_schema") == [("events",)]


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path):
        pass
    ask(path, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(SchemaMismatch, match=rf"schema 99.*knows {VERSION}: upgrade ensue"):
        async with opened(path):
            pass


async def test_a_read_only_directory_is_named(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o500)
    try:
        with obeyed(), pytest.raises(StoreUnavailable, match="may not write"):
            async with opened(tmp_path / "a.db"):
                pass
    finally:
        os.chmod(tmp_path, 0o700)


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    ask(path, "CREATE TABLE one (id INTEGER)")
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        connection.execute("INSERT INTO one VALUES (1)")
    assert "read-only" in str(translate(caught.value, path))


async def test_a_file_locked_by_a_foreign_program_fails_in_time_and_works_again_after(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, "busy=0.2") as store:
        await store.log.append([event()])
        async with other_process("program_holds.py", path) as process:
            assert await line_of(process) == "held"
            with pytest.raises(StoreUnavailable, match="locked by another program"):
                await store.log.append([event()])
            assert len(await whole(store)) == 1
        await store.log.append([event()])
        assert len(await whole(store)) == 2


async def test_a_full_disk_stores_nothing_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        await store.log.append([event()])
        (pages,) = await writer_of(store).run(lambda tx: tx.connection.execute("PRAGMA page_count").fetchone())
        limit = f"PRAGMA max_page_count = {pages + 8}"
        await writer_of(store).run(lambda tx: tx.connection.execute(limit).fetchone())
        big = b'"' + b"x" * 20_000 + b'"'
        with pytest.raises(StoreUnavailable, match="no room"):
            await store.log.append([event(payload=big) for _ in range(20)])
        answers = await asyncio.gather(
            store.log.append([event(payload=big) for _ in range(20)]),
            store.log.append([event("small")]),
            return_exceptions=True,
        )
        assert isinstance(answers[0], StoreUnavailable)
        await writer_of(store).run(lambda tx: tx.connection.execute("PRAGMA max_page_count = 100000").fetchone())
        await store.log.append([event("last")])
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, len(records) + 1))
        assert records[-1].fact.__struct_fields__


async def test_a_store_opens_again_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        await store.log.append([event(payload=b'{"n": %d}' % n) for n in range(50)])
        before = await whole(store)
    async with opened(path) as store:
        assert await whole(store) == before
        assert (await store.log.head()).position == 50
        await store.log.append([event()])
        assert (await store.log.head()).position == 51
    assert set(os.listdir(tmp_path)) == {"a.db", "a.db-lock", "a.db-turn"}


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        log = store.log
    for call in (log.append([event()]), log.head()):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


async def test_a_fork_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "a.db") as store:
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: -1)
            with pytest.raises(StoreUnavailable, match="fork"):
                await store.log.append([event()])
        await store.log.append([event()])


async def test_health_is_well(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        await store.log.append([event()])
        findings = {each.name: each for each in await store.health()}
    assert all(each.well for each in findings.values())
    assert "1 records" in findings["log"].says
    assert "wal" in findings["journal"].says


async def test_a_file_of_the_version_before_is_upgraded_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        await store.log.append([event("before")])
        archive = store.archive()
    for table in ("topics", "folds", "verdicts", "horizons"):
        ask(path, f"DROP TABLE {table}")
    ask(path, "ALTER TABLE timers DROP COLUMN note")
    ask(path, "UPDATE meta SET value = '1' WHERE name = 'schema'")
    says = f"has schema 1, this version of ensue knows {VERSION}: open it once to upgrade it"
    with pytest.raises(SchemaMismatch, match=says):
        await archive.open()
    for _ in range(2):
        async with opened(path) as store:
            assert [each.kind for each in await store.log.read(0, 9)][:1] == ["EventEmitted"]
    async with opened(path) as store:
        assert await store.offsets.ingest([Batch("orders", 0, -1, 0, (event("after"),))]) == [Taken(1)]

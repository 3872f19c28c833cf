"""The file as people and other programs see it."""

import re
import sqlite3
from pathlib import Path

import pytest

from ensue.testing.conformance.drafts import event
from ensue_adapters.sqlite.statements import FOLDER, schema, sql
from tests.sqlite.stores import ask, opened

PACKAGE = FOLDER.parent


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET data = x'00'",
        "DELETE FROM log",
        "REPLACE INTO log SELECT place, id, time, kind, version, cause, root, data FROM log",
    ],
)
async def test_nobody_changes_the_log(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        await store.log.append([event()])
        before = ask(path, "SELECT * FROM facts")
        if statement.startswith("REPLACE"):
            ask(path, statement)
        else:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                ask(path, statement)
        assert ask(path, "SELECT * FROM facts") == before


async def test_the_log_can_be_read_with_plain_sql(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, namespace="shop") as store:
        mine = event("order.paid", b'{"n":1}')
        await store.log.append([mine])
        (row,) = ask(path, "SELECT namespace, position, id, time, kind, root, data FROM facts")
    assert row[:3] == ("shop", 1, mine.id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row[3])
    assert row[4:] == ("EventEmitted", mine.id, mine.data.decode())


async def test_two_namespaces_in_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, namespace="one") as one, opened(path, namespace="two") as two:
        mine = event(id=event().id)
        assert [each.position for each in await one.log.append([event(), mine])] == [1, 2]
        assert [each.position for each in await two.log.append([mine])] == [1]
        assert [record.id for record in await two.log.read(0, 10)] == [mine.id]
        assert (await one.log.head()).position == 2


def test_each_statement_is_used_and_says_what_it_is_for() -> None:
    code = "\n".join(file.read_text() for file in PACKAGE.glob("*.py"))
    for file in FOLDER.glob("**/*.sql"):
        assert file.read_text().startswith("-- "), file
        name = f"{file.parent.name}/{file.stem}"
        folder, stem = name.split("/")
        named = name in code or folder == "schema" or re.match(r"(load|write|clear|all|prune)_", stem)
        assert named, f"{name} is used nowhere"
    assert len(schema()) > 20


def test_python_names_only_statements_that_exist() -> None:
    for file in PACKAGE.glob("*.py"):
        for name in re.findall(r'"((?:log|chain|work|leases|views|store)/\w+)"', file.read_text()):
            assert sql(name), name

"""Each question of a view is answered by an index, never by looking at every row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from ensue_adapters.sqlite.statements import schema, sql

QUESTIONS = {
    "views/events": "events USING INTEGER PRIMARY KEY",
    "views/events_by_code": "events USING INDEX events_code",
    "views/events_by_emitter": "events USING INDEX events_emitter",
    "views/events_by_root": "USING INDEX events_root",
    "views/runs": "runs USING INTEGER PRIMARY KEY",
    "views/runs_by_trigger": "runs USING INDEX runs_trigger",
    "views/runs_by_source": "participants USING INDEX participants_source",
    "views/runs_by_invocation": "invocations USING INDEX invocations_id",
    "views/runs_by_root": "invocations USING INDEX invocations_root",
    "views/runs_unfired": "runs USING INDEX runs_unfired",
    "views/invocations": "invocations USING INTEGER PRIMARY KEY",
    "views/invocations_by_task": "invocations USING INDEX invocations_task",
    "views/invocations_by_trigger": "runs USING INDEX runs_trigger",
    "views/invocations_by_emitter": "invocations USING INDEX invocations_emitter",
    "views/invocations_by_root": "invocations USING INDEX invocations_root",
    "views/invocations_unwell": "invocations USING INDEX invocations_unwell",
    "work/due": "work USING INDEX work_open",
    "work/fronts": "work USING INDEX work_open",
    "work/expired": "work USING INDEX work_held",
    "work/rows": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "work/current": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "work/reopen": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "work/renew": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "work/start": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "work/end": "work USING PRIMARY KEY (namespace=? AND invocation=?)",
    "chain/drop_waiting": "waiting USING PRIMARY KEY (namespace=? AND match=?)",
    "log/page": "log USING INTEGER PRIMARY KEY",
    "log/at": "log USING INTEGER PRIMARY KEY",
    "log/head": "log USING INTEGER PRIMARY KEY",
    "log/position_of": "log USING INDEX log_id",
    "log/positions_of": "log USING INDEX log_id",
    "views/load_events": "events USING INDEX events_id",
    "views/load_runs": "runs USING INDEX runs_id",
    "views/load_invocations": "invocations USING INDEX invocations_id",
    "views/load_participants": "participants USING PRIMARY KEY",
    "views/load_attempts": "attempts USING PRIMARY KEY",
    "views/load_problems": "problems USING INTEGER PRIMARY KEY",
    "views/codes": "events USING INDEX events_code",
}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in schema():
            made.execute(statement)
        yield made


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_by_its_index(connection: sqlite3.Connection, name: str) -> None:
    statement = sql(name)
    values: object = _Anything() if ":limit" in statement else (None,) * _places(statement)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
    plan = [row[3].replace("COVERING ", "") for row in rows]
    assert any(QUESTIONS[name] in line for line in plan), plan
    tables = ("events", "runs", "participants", "invocations", "attempts", "work", "log", "waiting")
    assert not [line for line in plan if line.startswith(tuple(f"SCAN {table}" for table in tables))], plan
    if name != "views/runs_by_source":
        assert not any("TEMP B-TREE FOR ORDER BY" in line for line in plan), plan


def _places(statement: str) -> int:
    return max((number for number in range(1, 10) if f"?{number}" in statement), default=0)


class _Anything(dict[str, None]):
    """A value for every name."""

    def __missing__(self, key: str) -> None:
        return None

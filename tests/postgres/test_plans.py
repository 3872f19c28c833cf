"""Each hot statement is answered by its index, never by looking at every row, and only where it must be by sorting."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from ensue_adapters.postgres import schema
from ensue_adapters.postgres.connections import SETTINGS
from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.statements import Statements
from tests.postgres.stores import connected
from tests.servers.postgres import Server
from tests.servers.schemas import fresh_schema

if TYPE_CHECKING:
    from asyncpg import Connection, Record

QUESTIONS = {
    "log/head": r"log_\d+_pkey",
    "log/look": r"log_\d+_pkey",
    "log/look_on": r"log_\d+_pkey",
    "log/page": r"log_\d+_pkey",
    "log/short_page": r"log_\d+_pkey",
    "log/at": r"log_\d+_pkey",
    "log/time_at": r"log_\d+_pkey",
    "log/find": r"log_\d+_id",
    "log/positions_of": r"log_\d+_id",
    "intake/take": "intake_pkey",
    "intake/drop": "intake_pkey",
    "work/due": "work_open",
    "work/open": "work_open",
    "work/front": "work_open",
    "work/expired": "work_held",
    "work/lock": "work_pkey",
    "work/row": "work_pkey",
    "work/start": "work_pkey",
    "work/reopen": "work_pkey",
    "work/end": "work_pkey",
    "work/renew": "work_pkey",
    "chain/drop_waiting": "waiting_pkey",
    "chain/move_own": "triggers_pkey",
    "leases/hold": "leases_pkey",
    "views/events": "events_position",
    "views/events_by_code": "events_code",
    "views/events_by_emitter": "events_emitter",
    "views/events_by_root": "events_root",
    "views/runs": "runs_position",
    "views/runs_by_trigger": "runs_trigger",
    "views/runs_by_source": "participants_source",
    "views/runs_by_invocation": "runs_invocation",
    "views/runs_by_root": "runs_root",
    "views/runs_unfired": "runs_unfired",
    "views/invocations": "invocations_created",
    "views/invocations_by_task": "invocations_task",
    "views/invocations_by_trigger": "invocations_trigger",
    "views/invocations_by_emitter": "invocations_emitter",
    "views/invocations_by_root": "invocations_root",
    "views/invocations_unwell": "invocations_unwell",
    "views/load_events": "events_pkey",
    "views/load_runs": "runs_pkey",
    "views/load_invocations": "invocations_pkey",
    "views/load_participants": "participants_pkey",
    "views/load_attempts": "attempts_pkey",
    "views/load_problems": "problems_pkey",
    "views/codes": "events_code",
    "views/participants": "participants_pkey",
    "views/attempts": "attempts_pkey",
    "views/problems": "problems_pkey",
    "views/move_cursor": "cursors_pkey",
}
ID = "'00000000000000000000000000000000'"
ALWAYS = {
    "namespace": "2", "first": "0", "last": "4611686018427387903", "limit": "50", "run": ID, "position": "7",
    "after": "7", "family": "'c1'", "family_end": "'c2'",
}  # fmt: skip
VALUES = {
    "code": "'c7'", "trigger": "'t7'", "task": "'t7'", "root": "'root7'", "emitter": ID, "source": ID, "invocation": ID,
}  # fmt: skip
"""What the questions of people ask for, by the word that their names end in."""

MAY_SORT = {
    "log/at", "log/look_on", "work/due", "work/front", "work/open", "work/lock", "work/renew", "log/positions_of",
    "views/events_by_root", "views/runs_by_root", "views/runs_by_source", "views/runs_by_invocation",
    "views/invocations_by_root",
}  # fmt: skip
"""Statements whose rows are few by their nature, or come in no order."""

FILL = """
INSERT INTO namespaces (name) SELECT 'n' || n FROM generate_series(1, 3) AS n;
INSERT INTO log SELECT n % 3 + 1, n, gen_random_uuid(), n, 'EventEmitted', 1, NULL, NULL, '{}'
FROM generate_series(1, 6000) AS n;
INSERT INTO work SELECT n % 3 + 1, gen_random_uuid(), 't' || n % 5, 1, n, n, n % 10 = 0, 0, 0, 0, NULL, '', n
FROM generate_series(1, 6000) AS n;
INSERT INTO intake (namespace, data, repeatable) SELECT n % 3 + 1, '{}', false FROM generate_series(1, 3000) AS n;
INSERT INTO waiting SELECT n % 3 + 1, gen_random_uuid(), 'main', 't', 'c', 'k', 'event', gen_random_uuid(), n, 0, n, n
FROM generate_series(1, 3000) AS n;
INSERT INTO triggers SELECT n % 3 + 1, 'main', 't' || n, '', '', 'active', 0 FROM generate_series(1, 2000) AS n;
INSERT INTO leases SELECT n % 3 + 1, 'l' || n, 'h', '', n FROM generate_series(1, 2000) AS n;
INSERT INTO cursors SELECT n, 'queries', 1, 0 FROM generate_series(1, 2000) AS n;
INSERT INTO events SELECT n % 3 + 1, gen_random_uuid(), n, n, 'c' || n % 50, NULL,
    CASE WHEN n % 2 = 0 THEN gen_random_uuid() END, NULL, NULL, CASE WHEN n % 2 = 0 THEN 'root' || n % 300 END, 0, 0
FROM generate_series(1, 9000) AS n;
INSERT INTO runs SELECT n % 3 + 1, gen_random_uuid(), n, n, 'main', 't' || n % 50, 't',
    CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'fired' END, gen_random_uuid(), 0, '', '', NULL, 'root' || n % 300
FROM generate_series(1, 9000) AS n;
INSERT INTO participants SELECT namespace, id, 0, 'c', 'event', gen_random_uuid(), 0, 0 FROM runs;
INSERT INTO invocations SELECT n % 3 + 1, gen_random_uuid(), 't' || n % 50,
    CASE WHEN n % 40 = 0 THEN 'FAILED' ELSE 'SUCCESS' END, n, n, NULL, 't' || n % 50, gen_random_uuid(), 1, 0, 0, 0, 0,
    NULL, NULL, NULL, 'root' || n % 300
FROM generate_series(1, 9000) AS n;
INSERT INTO attempts SELECT namespace, id, 1, 0, '', 0, 'SUCCESS', 0 FROM invocations;
INSERT INTO problems SELECT n % 3 + 1, n, n, '', '', '', '' FROM generate_series(1, 6000) AS n;
ANALYZE;
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(postgres: Server) -> AsyncIterator[tuple["Connection[Record]", Statements]]:
    async with fresh_schema(postgres) as url:
        place = parse_url(url)
        await schema.upgrade(place)
        async with connected(url) as connection:
            await connection.execute(FILL)
            for setting, value in SETTINGS.items():
                await connection.execute("SELECT set_config($1, $2, false)", setting, value)
            yield connection, Statements(place.schema)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_is_answered_by_its_index(filled: tuple["Connection[Record]", Statements], name: str) -> None:
    connection, statements = filled
    statement = statements(name)
    asked = name.startswith("views/") and "ORDER BY" in statement.text
    # Questions are planned for what they ask; what is hot, for any values.
    await connection.execute(f"SET plan_cache_mode = force_{'custom' if asked else 'generic'}_plan")
    given = {**ALWAYS, **{each: VALUES[each] for each in VALUES if each in name.partition("_by_")[2]}}
    given |= {"status": "'FAILED'"} if "unwell" in name else {}
    given |= {"outcome": "'failed'"} if "unfired" in name else {}
    given |= {"invocation": ID} if name in ("views/attempts", "work/row") else {}
    given = {} if "load_" in name else given
    values = ", ".join(given.get(each, "NULL") for each in statement.names)
    await connection.execute(f"PREPARE asked AS {statement.text}")
    try:
        rows = await connection.fetch(f"EXPLAIN EXECUTE asked({values})")
    finally:
        await connection.execute("DEALLOCATE asked")
    plan = "\n".join(row[0] for row in rows)
    assert re.search(rf"(using|on) {QUESTIONS[name]}\b|Conflict Arbiter Indexes: {QUESTIONS[name]}", plan), plan
    assert "Seq Scan" not in plan, plan
    if name not in MAY_SORT:
        assert "Sort" not in plan, plan

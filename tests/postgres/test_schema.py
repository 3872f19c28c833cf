"""The schema: made once, whoever comes first; upgraded on demand; refused where it is another's or another version."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ensue.testing.conformance.drafts import TASK, claim_one, end, event, matched, step, submitted
from ensue_adapters.cli import main
from ensue_adapters.postgres import schema
from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.statements import FOLDER, Statements, migrations
from ensue_core.errors import SchemaMismatch, StoreUnavailable
from ensue_core.ids import new_id
from ensue_core.ports import Cursor
from tests.postgres.stores import codes, connected, emit, opened, whole
from tests.servers.postgres import Server


async def test_many_first_openers_make_one_schema(postgres_url: str) -> None:
    async def use(number: int) -> None:
        async with opened(postgres_url, namespace=f"n{number % 3}") as store:
            await store.log.append([event()])

    await asyncio.gather(*(use(number) for number in range(9)))
    async with connected(postgres_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM migrations") == len(migrations())
        assert await connection.fetchval("SELECT count(*) FROM namespaces") == 3
        assert await connection.fetchval("SELECT count(*) FROM log") == 9


async def test_a_plan_changes_nothing_and_is_what_runs(postgres_url: str) -> None:
    place = parse_url(postgres_url)
    plan = await schema.upgrade(place, plan=True)
    assert [each.number for each in plan] == list(range(1, schema.newest() + 1))
    async with connected(postgres_url) as connection:
        assert await connection.fetchval("SELECT to_regnamespace($1)::text", place.schema) is None
        for each in plan:
            for script in each.scripts:
                await connection.execute(script)
    assert await schema.upgrade(place) == []
    async with opened(postgres_url) as store:
        await store.log.append([event()])


async def test_an_upgrade_is_made_once(postgres_url: str) -> None:
    place = parse_url(postgres_url)
    done = await asyncio.gather(*(schema.upgrade(place) for _ in range(4)))
    assert sorted(len(each) for each in done) == [0, 0, 0, len(migrations())]


async def test_a_schema_of_another_version_is_refused_with_the_command(postgres_url: str) -> None:
    await schema.upgrade(parse_url(postgres_url))
    async with connected(postgres_url) as connection:
        await connection.execute("INSERT INTO migrations VALUES (99, 'later')")
        with pytest.raises(SchemaMismatch, match=r"is of version 99, this program knows \d+: upgrade ensue"):
            await opened(postgres_url).__aenter__()
        with pytest.raises(SchemaMismatch, match="upgrade ensue"):
            await schema.upgrade(parse_url(postgres_url))
        await connection.execute("DELETE FROM migrations")
        with pytest.raises(SchemaMismatch, match=r"is of version 0, this program needs \d+: run `ensue db upgrade`"):
            await opened(postgres_url).__aenter__()


async def test_a_schema_of_the_first_version_is_upgraded_with_what_it_holds(postgres_url: str) -> None:
    place = parse_url(postgres_url)
    first = (await schema.upgrade(place, plan=True))[0]
    async with connected(postgres_url) as connection:
        for script in first.scripts:
            await connection.execute(script)
        await connection.execute("INSERT INTO namespaces (name) VALUES ('test')")
        await emit(connection, "before")
        with pytest.raises(SchemaMismatch, match=r"is of version 1, this program needs \d+: run `ensue db upgrade`"):
            await opened(postgres_url).__aenter__()
        assert [each.number for each in await schema.upgrade(place)] == list(range(2, schema.newest() + 1))
        async with opened(postgres_url) as store:
            await emit(connection, "after")
            async with connection.transaction():
                await store.outbox.put(connection, [event("within")])
            await store.log.append([event("last")])
            assert await codes(store) == ["before", "after", "within", "last"]


async def test_another_programs_schema_is_left_alone(postgres_url: str) -> None:
    place = parse_url(postgres_url)
    async with connected(postgres_url) as connection:
        await connection.execute(f"CREATE SCHEMA {place.schema}; CREATE TABLE {place.schema}.theirs (x integer)")
        with pytest.raises(StoreUnavailable, match="holds tables of another program: choose another with schema="):
            await opened(postgres_url).__aenter__()
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", place.schema) == 1


async def test_an_empty_schema_is_filled(postgres_url: str) -> None:
    async with connected(postgres_url) as connection:
        await connection.execute(f"CREATE SCHEMA {parse_url(postgres_url).schema}")
    async with opened(postgres_url) as store:
        await store.log.append([event()])


@asynccontextmanager
async def role(server: Server, url: str, grants: str) -> AsyncGenerator[str, None]:
    """A role with some grants on the schema, and the store's URL for it."""
    name = f"r{uuid4().hex[:12]}"
    async with connected(url) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        for grant in filter(None, (each.strip() for each in grants.split(";"))):
            await connection.execute(grant.replace("ensue", parse_url(url).schema).replace("shop", name))
        try:
            yield re.sub(r"(?<=://)[^@]*@", f"{name}:secret@", url)
        finally:
            await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


GRANTS = (Path(__file__).parents[2] / "docs" / "guide" / "postgres-grants.sql").read_text("utf-8")


async def test_the_documented_grants_are_enough_for_an_engine_and_none_changes_the_log(
    postgres: Server, postgres_url: str
) -> None:
    await schema.upgrade(parse_url(postgres_url))
    async with connected(postgres_url) as owner:
        await owner.execute("UPDATE meta SET value = '20' WHERE name = 'partition_positions'")
    grants = "\n".join(line for line in GRANTS.splitlines() if not line.startswith("--"))
    async with role(postgres, postgres_url, grants) as url, opened(url) as store, connected(url) as user:
        await store.log.append([submitted(), event()])
        claimed = await claim_one(store)
        assert await store.work.finish([end(claimed.row)]) == [True]
        await store.decisions.commit(step(matched(1), clock=1, through=1))
        assert await store.work.claim("w1", [TASK], 5, 15) == []
        assert await store.leases.hold("a", "b", "", 5)
        assert await store.views.cursor("queries", 1) == 0
        assert await store.views.project(Cursor("queries", 1, 0), {}, 5)
        await store.views.drop()
        await store.rebuild_decisions()
        await emit(user, "from.sql")
        keyed = submitted(id=new_id())
        assert [each.duplicate for _ in range(2) for each in await store.log.append([keyed])] == [False, True]
        await store.log.append([event() for _ in range(69)])
        assert all(each.well for each in await store.health())
        assert len(await whole(store)) == 77
        for change in ("UPDATE log SET kind = 'x'", "DELETE FROM log", "TRUNCATE log", "DELETE FROM log_1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await user.execute(change)


async def test_an_emitting_role_can_only_emit(postgres: Server, postgres_url: str) -> None:
    await schema.upgrade(parse_url(postgres_url))
    grants = "GRANT USAGE ON SCHEMA ensue TO shop"
    async with role(postgres, postgres_url, grants) as url, opened(postgres_url) as store, connected(url) as user:
        await emit(user, "a")
        for look in ("SELECT * FROM intake", "SELECT * FROM log", "INSERT INTO intake SELECT"):
            with pytest.raises(asyncpg.PostgresError):
                await user.execute(look)
        await store.log.append([event("last")])
        assert await codes(store) == ["a", "last"]


async def test_a_role_without_rights_is_told_so(postgres: Server, postgres_url: str) -> None:
    async with role(postgres, postgres_url, "") as url:
        with pytest.raises(SchemaMismatch, match="may not make it: run `ensue db upgrade` with a role that may"):
            await opened(url).__aenter__()
        await schema.upgrade(parse_url(postgres_url))
        with pytest.raises(StoreUnavailable, match="grant it"):
            await opened(url).__aenter__()


@pytest.mark.parametrize("change", ["UPDATE {} SET kind = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["log", "log_1"])
async def test_not_even_the_owner_changes_the_log(postgres_url: str, change: str, table: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as owner:
        await store.log.append([event("kept")])
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await owner.execute(change.format(table))
        assert await codes(store) == ["kept"]


async def test_the_log_grows_over_its_partitions(postgres_url: str) -> None:
    place = parse_url(postgres_url)
    await schema.upgrade(place)
    async with connected(postgres_url) as owner:
        await owner.execute("UPDATE meta SET value = '50' WHERE name = 'partition_positions'")
        await owner.execute(f'DROP TABLE "{place.schema}".log_2; DELETE FROM partitions WHERE number = 2')
        await owner.execute(f'DROP TABLE "{place.schema}".log_1; DELETE FROM partitions; SELECT extend_log(51)')
        async with opened(postgres_url) as store, opened(postgres_url) as other:
            mine = event("keyed", id=submitted().id)
            await store.log.append([mine])
            await store.log.append([event() for _ in range(500)])
            for _ in range(30):
                await asyncio.gather(*(each.log.append([event() for _ in range(7)]) for each in (store, other)))
            ((again,)) = await store.log.append([mine])
            assert (again.position, again.duplicate) == (1, True)
            assert len(await codes(store)) == 501 + 420
            assert await owner.fetchval("SELECT count(*) FROM partitions") >= 18
            # An old range is detached: what may come again is known for ever.
            await owner.execute("ALTER TABLE log DETACH PARTITION log_1")
            ((again,)) = await other.log.append([event("later")])
            assert again.position == 922
            found = await store.work.queued()
            assert found == 0


async def test_a_session_that_misses_a_partition_decides_nothing(postgres_url: str) -> None:
    """Sessions of a server may miss that a partition was attached: to them its rows are not there."""
    place = parse_url(postgres_url)
    await schema.upgrade(place)
    async with connected(postgres_url) as owner:
        await owner.execute("UPDATE meta SET value = '50' WHERE name = 'partition_positions'")
        await owner.execute("DROP TABLE log_2; DROP TABLE log_1; DELETE FROM partitions; SELECT extend_log(51)")
        async with opened(postgres_url) as store:
            await store.log.append([event() for _ in range(50)])
            await owner.execute(
                "INSERT INTO log SELECT namespace, 51, gen_random_uuid(), time, kind, version, cause, root, data "
                "FROM log WHERE position = 50"
            )
            await owner.execute("ALTER TABLE log DETACH PARTITION log_2")
            appending = asyncio.create_task(store.log.append([event("after")]))
            await asyncio.sleep(0.2)
            assert not appending.done()
            await owner.execute("ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (51) TO (101)")
            ((appended,)) = await appending
            assert appended.position == 52
            assert (await codes(store))[-1] == "after"


async def test_the_log_is_readable_by_people(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as owner:
        mine = event("order.paid", b'{"n":1}')
        await store.log.append([mine])
        row = await owner.fetchrow("SELECT namespace, position, id, kind, root, data FROM facts")
        assert row is not None
        assert tuple(row)[:5] == ("test", 1, mine.id, "EventEmitted", mine.id)
        assert '"code":"order.paid"' in row["data"]


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [int(each.name[:4]) for each in migrations()] == list(range(1, schema.newest() + 1))


def test_every_statement_can_be_read_and_says_what_it_is_for() -> None:
    statements = Statements("other")
    files = [each for each in FOLDER.rglob("*.sql") if "migrations" not in each.parts]
    assert len(files) > 80
    for file in files:
        assert file.read_text("utf-8").startswith("-- "), file
        assert "ensue." not in statements(file.relative_to(FOLDER).with_suffix("").as_posix()).text


def test_the_command_shows_and_makes_the_schema(
    postgres: Server, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["db", "upgrade", "--plan", "--url", postgres_url]) == 0
    shown = capsys.readouterr()
    assert "CREATE TABLE" in shown.out
    assert "would apply 0001 beginning" in shown.err
    assert main(["db", "upgrade", "--url", postgres_url]) == 0
    assert "applied 0001 beginning" in capsys.readouterr().err
    assert main(["db", "upgrade", "--url", postgres_url, "--json"]) == 0
    assert capsys.readouterr().out == '{"migrations":[],"applied":false}\n'
    assert main(["db", "upgrade", "--url", "sqlite:///x.db"]) == 0

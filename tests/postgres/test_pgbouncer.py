"""What pgbouncer is told and what it leaves: the modes it may be in, and the state of what it shares."""

import asyncio
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from ensue.testing.conformance.drafts import event, submitted
from ensue_adapters.postgres.connections import SETTINGS
from ensue_core.errors import StoreUnavailable
from ensue_core.ids import new_id
from tests.postgres.stores import opened, writer_of
from tests.replay.kits import archive_of, verified
from tests.servers.pgbouncer import Bouncer, Mode, NoBouncer, bouncing, program
from tests.servers.postgres import Server

SHARED = "&pooler=transaction"
DROPS = ",".join(SETTINGS)
BOUNDS = sorted(name for name in SETTINGS if not name.startswith(("tcp_", "default_")))
"""What each transaction sets for itself; the system keeps connections alive, and BEGIN names the isolation."""

LEFT = """
    SELECT name FROM pg_prepared_statements
    UNION ALL SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
    UNION ALL SELECT name FROM pg_settings WHERE name = ANY($1) AND setting <> reset_val
"""
IN_FORCE = "SELECT name FROM pg_settings WHERE name = ANY($1) AND source = 'session'"


@pytest.fixture
def bouncer(postgres: Server) -> Iterator[Bouncer]:
    with bouncing(postgres) as bouncer:
        yield bouncer


def _url(bouncer: Bouncer, postgres: Server, options: str) -> str:
    return f"{bouncer.url}?schema=t{uuid4().hex[:12]}&listen={quote(postgres.url, safe='')}{options}"


async def test_nothing_is_left_on_a_shared_connection(postgres: Server, bouncer: Bouncer) -> None:
    async with opened(_url(bouncer, postgres, SHARED)) as store:
        await asyncio.gather(*(store.log.append([event(), submitted()]) for _ in range(20)))
        await asyncio.gather(*(store.log.find(new_id()) for _ in range(20)))
        assert (await verified(store)).well
    connection = await asyncpg.connect(bouncer.url, statement_cache_size=0)
    try:
        seen: set[int] = set()
        for _ in range(12):
            async with connection.transaction():
                seen.add(await connection.fetchval("SELECT pg_backend_pid()"))
                assert await connection.fetch(LEFT, BOUNDS) == []
        assert len(seen) > 1
    finally:
        await connection.close()


async def test_every_transaction_through_it_has_the_bounds_of_a_direct_connection(
    postgres: Server, bouncer: Bouncer
) -> None:
    async with opened(_url(bouncer, postgres, SHARED)) as store:
        connections = writer_of(store).connections
        for begin in (None, connections.begin, "store/snapshot", "store/read_only"):
            async with connections.reading(begin) as session:
                found = await session.connection.fetch(IN_FORCE, BOUNDS)
                assert sorted(row[0] for row in found) == BOUNDS, begin


async def test_an_archive_reads_through_it_and_writes_nothing(postgres: Server, bouncer: Bouncer) -> None:
    async with opened(_url(bouncer, postgres, SHARED)) as store, archive_of(store) as archive:
        await store.log.append([event(), submitted()])
        async with archive.moment() as moment:
            assert moment.head.position == 2
        async with writer_of(store).connections.reading("store/read_only") as session:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await session.run("store/add_namespace", name="other")


@pytest.mark.parametrize(
    ("mode", "options", "drops", "says"),
    [
        ("transaction", "", "", r"goes through a pooler \(unsupported .*\): add pooler=transaction to the URL"),
        ("session", "", "", r"goes through a pooler \(unsupported .*\): add pooler=transaction to the URL"),
        ("transaction", "", DROPS, "goes through a pooler that .*: add pooler=transaction to the URL, and listen="),
        (
            "session",
            "",
            DROPS,
            "that drops the settings of a connection: add pooler=transaction to the URL, and listen=",
        ),
        ("statement", "", DROPS, "the pooler at .* shares connections by statement: set it to pool by transaction"),
        ("statement", SHARED, "", "the pooler at .* shares connections by statement: set it to pool by transaction"),
    ],
)
async def test_a_wrong_mode_is_one_sentence(postgres: Server, mode: Mode, options: str, drops: str, says: str) -> None:
    with bouncing(postgres, mode, ignores=drops) as bouncer:
        url = _url(bouncer, postgres, options)
        for _ in range(2):  # what the first one left behind must not change what the second is told
            with pytest.raises(StoreUnavailable, match=says):
                await opened(url).__aenter__()


async def test_sessions_that_fit_are_served_and_one_too_many_is_told_why(postgres: Server) -> None:
    with bouncing(postgres, "session", size=2) as bouncer:
        url = _url(bouncer, postgres, SHARED + "&pool=2")
        async with opened(url) as store:
            await asyncio.gather(
                *(store.log.append([event()]) for _ in range(20)), *(store.log.head() for _ in range(9))
            )
            assert (await store.log.head()).position == 20
            with pytest.raises(StoreUnavailable, match="see that the pooler pools by transaction and has connections"):
                await opened(url, "&command_timeout=1").__aenter__()


def test_where_there_is_none_the_tests_fail_and_say_what_to_do() -> None:
    with pytest.raises(NoBouncer, match=r"install it \(apt-get install --yes pgbouncer\)"):
        program("/nowhere")


def test_one_that_cannot_start_fails(postgres: Server) -> None:
    with (
        pytest.raises(NoBouncer, match=r"pgbouncer did not start: (?s:.)*syntax error"),
        bouncing(postgres, ignores="\nno"),
    ):
        pass

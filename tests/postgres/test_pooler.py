"""Through a pooler that shares connections by transaction, everything works but LISTEN, which goes direct."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio

from ensue import Engine
from ensue.testing.conformance.drafts import TASK, claim_one, end, event, matched, step, submitted
from ensue_adapters.postgres.place import parse_url
from ensue_core.errors import StoreUnavailable
from ensue_core.ids import new_id
from ensue_core.ports import Committed, Cursor, EventQuery
from tests.postgres.callers import user
from tests.postgres.stores import codes, opened, whole
from tests.servers.pgbouncer import bouncing
from tests.servers.pooler import pooling
from tests.servers.postgres import Server, binaries, local


@pytest.fixture(scope="module")
def near() -> Iterator[Server]:
    """A server with a socket that a pooler can use."""
    with local(binaries()) as server:
        yield server


class Way(NamedTuple):
    """A way to a server through a pooler, and how many transactions went it."""

    url: str
    near: Server
    transactions: Callable[[], int]

    def to(self, options: str = "&pooler=transaction") -> str:
        """The URL of a schema that is not there yet, with a direct address for LISTEN."""
        return f"{self.url}?schema=t{uuid4().hex[:12]}&listen={quote(self.near.url, safe='')}{options}"


@pytest_asyncio.fixture(params=["strict", "pgbouncer"])
async def way(request: pytest.FixtureRequest, near: Server) -> AsyncIterator[Way]:
    if request.param == "pgbouncer":
        with bouncing(near) as bouncer:
            yield Way(bouncer.url, near, bouncer.transactions)
        return
    async with pooling(near.folder, parse_url(near.url).ports[0]) as pooler:
        yield Way(f"postgresql://ensue:x@127.0.0.1:{pooler.port}/postgres", near, lambda: pooler.transactions)


async def test_a_store_works_through_a_pooler(way: Way) -> None:
    url = way.to()
    async with opened(url) as one, opened(url) as other:
        await asyncio.gather(*(each.log.append([event(), submitted()]) for each in (one, other) for _ in range(20)))
        assert len(await codes(one)) == 40 == len(await codes(other))
        claims = await asyncio.gather(*(each.work.claim("w1", [TASK], 10, 15) for each in (one, other)))
        ends = [end(each.row) for claimed in claims for each in claimed]
        assert await one.work.finish(ends) == [True] * len(ends)
        mine = step(matched(1), clock=1, through=200)
        assert isinstance(await other.decisions.commit(mine), Committed)
        assert len((await one.decisions.load("main")).waiting) == 1
        assert await one.views.cursor("queries", 1) == 0
        assert await one.views.project(Cursor("queries", 1, 0), {}, 3)
        assert list(await other.views.events(EventQuery())) == []
        dump = await one.dump_decisions()
        await other.rebuild_decisions()
        assert await one.dump_decisions() == dump
        assert all(each.well for each in await one.health())
        records = await whole(other)
        assert [record.position for record in records] == list(range(1, len(records) + 1))
    assert way.transactions() > 20


async def test_the_direct_address_hears_at_once(way: Way) -> None:
    url = way.to("&pooler=transaction&poll=3600")
    async with opened(url) as one, opened(url) as other:
        assert one._listener is not None
        assert one._listener.hears
        waiting = asyncio.ensure_future(one.log.wait(0))
        await asyncio.sleep(0.05)
        await other.log.append([event()])
        async with asyncio.timeout(5):
            assert await waiting


@pytest.mark.parametrize("kind", ["asyncpg", "psycopg", "session"])
async def test_users_transactions_go_through_it_and_are_heard_at_once(way: Way, kind: str) -> None:
    url, chance = way.to("&pooler=transaction&poll=3600"), random.Random(3)
    async with Engine(url, app_id="test") as engine, opened(url) as idle:
        # Each of the pooler's connections carries some of the commits: whose one is cannot be told by that.
        for position in range(24):
            for _ in range(chance.randrange(4)):
                await engine.store.log.find(new_id())
            waiting = asyncio.ensure_future(idle.log.wait(position))
            async with user(kind, url) as caller:
                await caller.emit(engine, "lost", {"n": position}, idempotency_key="k")
                await caller.rollback()
            async with user(kind, url) as caller:
                await caller.emit(engine, "kept", {"n": position})
                await caller.commit()
            async with asyncio.timeout(30):
                assert await waiting > position
        assert await codes(idle) == ["kept"] * 24


async def test_without_a_direct_address_others_are_polled(way: Way) -> None:
    url = way.to().partition("&listen=")[0] + "&statement_cache_size=0"
    async with opened(url) as one, opened(url) as other:
        assert one._listener is None
        waiting = asyncio.ensure_future(one.log.wait(0))
        await asyncio.sleep(0.05)
        await other.log.append([submitted()])
        async with asyncio.timeout(5):
            assert await waiting
        await claim_one(one)
        (finding,) = [each for each in await one.health() if each.name == "wake-up"]
        assert "name a direct address with listen=" in finding.says


async def test_a_pooler_that_is_not_named_is_noticed(way: Way) -> None:
    with pytest.raises(StoreUnavailable, match=r"goes through a pooler .*: add pooler=transaction to the URL"):
        await opened(way.to("")).__aenter__()

"""Connections that are lost: what was acknowledged is there, what was not is whole or absent, and all goes on."""

import asyncio
import random

import msgspec
import pytest

from ensue.testing.conformance.drafts import TASK, claim_one, end, event, matched, step, submitted
from ensue_adapters.postgres import PostgresStore
from ensue_adapters.postgres.listener import Listener
from ensue_adapters.postgres.place import parse_url
from ensue_adapters.postgres.space import Space
from ensue_adapters.postgres.statements import Statements
from ensue_core.errors import CommitUnknown, StoreUnavailable
from ensue_core.ids import new_id
from ensue_core.ports import Committed
from tests.postgres.stores import Proxy, codes, connected, opened, until, whole, writer_of


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_step_whose_commit_is_lost_is_found_or_not(postgres_url: str, cut: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store, opened(postgres_url) as other:
        proxy.cut_at, proxy.cut = b"COMMIT\x00", "before" if cut == "before" else "after"
        mine = step(matched(1), event(), clock=1)
        with pytest.raises(CommitUnknown, match="look up what was stored"):
            await store.decisions.commit(mine)
        assert proxy.cuts == 1
        await _unlocked(postgres_url)
        found = await store.decisions.find_step("main", mine.id)
        if cut == "before":
            assert found is None
            assert (await other.decisions.load("main")).waiting == ()
            assert isinstance(await store.decisions.commit(mine), Committed)
        else:
            assert found is not None
            assert len(found.records) == 3
        assert len((await other.decisions.load("main")).waiting) == 1


async def _unlocked(url: str) -> None:
    """Wait until the server has ended the lost transaction: it sees that its connection is closed."""
    async with connected(url) as connection:
        await connection.execute("SELECT pg_advisory_lock('log'::regclass::oid::bigint << 32 | 1)")


async def test_an_append_whose_answer_is_lost_is_settled_by_its_ids(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store:
        await store.log.append([event("warm")])
        proxy.cut_at = b"answerless"
        ((appended,)) = await store.log.append([event("answerless")])
        assert proxy.cuts == 1
        assert appended.position == 2
        assert await codes(store) == ["warm", "answerless"]


async def test_an_append_that_never_arrived_says_that_it_is_unknown(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store:
        await store.log.append([event("warm")])
        proxy.cut_at, proxy.cut = b"unsent", "before"
        mine = event("unsent")
        with pytest.raises(CommitUnknown):
            await store.log.append([mine])
        assert await store.log.find(mine.id) is None
        await store.log.append([mine])
        assert await codes(store) == ["warm", "unsent"]


@pytest.mark.parametrize("statement", [b"BEGIN", b"enter", b"INSERT INTO"])
async def test_a_connection_lost_before_the_commit_is_tried_again(postgres_url: str, statement: bytes) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store:
        proxy.cut_at = statement
        await store.log.append([submitted(id=new_id())])
        assert proxy.cuts == 1
        claimed = await claim_one(store)
        proxy.cut_at = b"BEGIN"
        late = msgspec.structs.replace(end(claimed.row), if_expired=True)
        assert await store.work.finish([late]) == [False]
        assert proxy.cuts == 2
        assert await store.work.finish([end(claimed.row)]) == [True]
        assert [record.kind for record in await whole(store)] == ["InvocationCreated", "AttemptStarted", "AttemptEnded"]


async def test_reads_survive_a_cut(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store, opened(postgres_url) as other:
        await other.log.append([event(), event()])
        for _ in range(5):
            proxy.drop()
            assert (await store.log.head()).position == 2
            proxy.drop()
            assert len(await whole(store)) == 2


async def test_a_listener_that_is_cut_is_made_again(postgres_url: str) -> None:
    async with opened(postgres_url, "&poll=3600") as store, opened(postgres_url) as other:
        loop = asyncio.get_running_loop()
        for position in range(5):
            assert store._listener is not None
            async with connected(postgres_url) as connection:
                await connection.execute("SELECT pg_terminate_backend($1)", store._listener.pid)
            waiting = asyncio.ensure_future(store.log.wait(position))
            await asyncio.sleep(0.01)
            began = loop.time()
            await other.log.append([event()])
            async with asyncio.timeout(10):
                await waiting
            assert loop.time() - began < 1.0
            await until(lambda: _hears(store))


async def test_a_listener_that_hears_nothing_is_noticed_and_replaced(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ensue_adapters.postgres.listener.ANSWER_SECONDS", 0.2)
    async with opened(postgres_url):
        changes: list[bool] = []
        place = parse_url(postgres_url)
        space = Space("deaf", 7, "deaf", "deaf.mine")
        listener = Listener(place, space, Statements(place.schema), _ignore, changes.append, test_seconds=0.2)
        await listener.open()
        first = listener.pid
        # The session lives on and hears no more, as behind a pooler that gave it to somebody else.
        assert listener._connection is not None
        await listener._connection.execute("UNLISTEN *")
        await until(lambda: changes == [True, False, True])
        assert listener.pid != first
        await listener.close()


def _hears(store: PostgresStore) -> bool:
    return store._listener is not None and store._listener.hears


def _ignore() -> None:
    """Hear it, and do nothing."""


async def test_cancelled_callers_leak_nothing(postgres_url: str) -> None:
    seed = 3
    chance = random.Random(seed)
    async with opened(postgres_url, "&pool=4") as store:
        await store.log.append([submitted() for _ in range(5)])
        for _ in range(150):
            task = asyncio.ensure_future(_act(store, chance.randrange(6)))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.003)
            task.cancel()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not writer_of(store).tasks._tasks)
        connections = writer_of(store).connections
        pool = connections._pool
        assert pool is not None
        assert pool.get_idle_size() + len(connections._at_hand) == pool.get_size() <= 4
        async with connected(postgres_url) as connection:
            idle = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ensue' AND state LIKE 'idle in%'"
            )
        assert idle == 0
        dump = await store.dump_decisions()
        await store.rebuild_decisions()
        assert await store.dump_decisions() == dump
        records = await whole(store)
        assert [record.position for record in records] == list(range(1, len(records) + 1)), f"seed {seed}"


async def _act(store: PostgresStore, which: int) -> object:
    match which:
        case 0:
            return await store.log.append([event()])
        case 1:
            return await store.log.append([submitted(), event()])
        case 2:
            return await store.work.claim("w1", [TASK], 2, 15)
        case 3:
            return await store.decisions.load("main")
        case 4:
            chain = await store.decisions.load("main")
            return await store.decisions.commit(step(matched(1), after=chain.row.step, clock=chain.row.clock))
        case _:
            return await store.log.read(0, 50)


async def test_many_callers_wait_for_few_connections(postgres_url: str) -> None:
    async with opened(postgres_url, "&pool=2") as store:
        await store.log.append([submitted() for _ in range(40)])
        answers = await asyncio.gather(
            *(store.log.head() for _ in range(40)),
            *(store.work.claim("w1", [TASK], 1, 15) for _ in range(40)),
            *(store.log.append([event()]) for _ in range(40)),
        )
        assert len(answers) == 120


async def test_a_closed_door_is_one_sentence(postgres_url: str) -> None:
    async with Proxy(postgres_url) as proxy, opened(proxy.url) as store:
        assert proxy._server is not None
        proxy._server.close()
        proxy.drop()
        with pytest.raises(StoreUnavailable, match="no server answers"):
            await store.log.head()

"""The outbox: there at the user's commit and never else, soon seen, and nothing in it can stop the log."""

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from ensue.testing.conformance.drafts import TASK, event, submitted
from ensue_adapters.postgres.place import parse_url
from ensue_core.facts import EventEmitted, InvocationCreated
from ensue_core.ids import derive_keyed, new_id
from tests.postgres.stores import codes, connected, emit, opened, whole


async def test_an_emit_is_rolled_back_with_its_transaction(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        await user.execute("CREATE TABLE orders (id integer)")
        transaction = user.transaction()
        await transaction.start()
        await user.execute("INSERT INTO orders VALUES (1)")
        await emit(user, "order.placed")
        await transaction.rollback()
        async with user.transaction():
            await user.execute("INSERT INTO orders VALUES (2)")
            await emit(user, "order.placed")
        await store.log.append([event("last")])
        assert await codes(store) == ["order.placed", "last"]


async def test_the_sql_function_says_what_the_engine_would(postgres_url: str) -> None:
    payload = '{ "b":1, "a":[1.0,1e5],"nul":"\\u0000","é":"😀" }'
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        id = await emit(user, 'a "quoted" code', payload=payload, correlation="c1", causation="why")
        await store.log.append([event("last")])
        record = (await whole(store))[0]
        assert record.id == id
        assert (record.root, record.cause) == ("c1", "why")
        assert isinstance(record.fact, EventEmitted)
        assert record.fact == EventEmitted('a "quoted" code', record.fact.payload, correlation="c1", causation="why")
        assert bytes(record.fact.payload).decode() == payload


async def test_ids_made_by_the_server_sort_by_time(postgres_url: str) -> None:
    async with opened(postgres_url), connected(postgres_url) as user:
        ids = [await emit(user, "a") for _ in range(3)]
        assert all(id is not None and id[12] == "7" and id[16] in "89ab" for id in ids)
        now = new_id()
        assert all(id is not None and abs(int(id[:12], 16) - int(now[:12], 16)) < 60_000 for id in ids)


async def test_a_keyed_emit_is_the_engines_and_stands_once(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        for _ in range(3):
            assert await emit(user, "order.paid", payload='{"n": 1}', key="k1") is None
        await store.log.append([event("last")])
        first = (await whole(store))[0]
        assert await codes(store) == ["order.paid", "last"]
        assert first.id == derive_keyed("event", "test", "order.paid", "k1")
        mine = event("order.paid", b'{"n":1}', first.id, "k1")
        ((again,)) = await store.log.append([mine])
        assert (again.position, again.duplicate, again.conflict) == (1, True, False)
        assert await user.fetchval("SELECT count(*) FROM parked") == 0


async def test_a_submit_becomes_work(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        id = (await user.fetchval("SELECT submit('test', $1, '{\"n\": 1}')", TASK)).hex
        await user.fetchval("SELECT submit('test', $1, '{}', 'key')", TASK)
        await user.fetchval("SELECT submit('test', $1, '{}', 'key')", TASK)
        await store.log.append([event("last")])
        claimed = await store.work.claim("w1", [TASK], 5, 15)
        assert [each.row.invocation for each in claimed] == [id, derive_keyed("invocation", "test", TASK, "key")]
        assert isinstance(claimed[0].record.fact, InvocationCreated)
        assert json.loads(bytes(claimed[0].record.fact.arguments)) == {"n": 1}


async def test_a_submit_in_sql_says_what_it_belongs_to(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        id = await user.fetchval("SELECT submit('test', $1, correlation => 'c1', causation => 'why')", TASK)
        await store.log.append([event("last")])
        record = (await whole(store))[0]
        assert (record.id, record.root, record.cause) == (id.hex, "c1", "why")
        assert isinstance(record.fact, InvocationCreated)
        assert record.fact.correlation == "c1"


async def test_python_drafts_go_with_the_callers_transaction(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        kept, lost, task = event("kept"), event("lost"), submitted()
        async with user.transaction():
            assert await store.outbox.put(user, [kept, task]) == 0
        transaction = user.transaction()
        await transaction.start()
        await store.outbox.put(user, [lost])
        await transaction.rollback()
        await store.log.append([event("last")])
        assert [record.id for record in await whole(store)][:2] == [kept.id, task.id]
        assert len(await whole(store)) == 3


async def test_an_idle_namespace_sees_its_outbox_at_once(postgres_url: str) -> None:
    async with opened(postgres_url, "&poll=3600") as store, connected(postgres_url) as user:
        await store.log.wait(0, 0.05)
        loop = asyncio.get_running_loop()
        lags: list[float] = []
        for position in range(10):
            waiting = asyncio.ensure_future(store.log.wait(position))
            await asyncio.sleep(0.01)
            began = loop.time()
            await emit(user, "a")
            async with asyncio.timeout(5):
                await waiting
            lags.append(loop.time() - began)
        assert sorted(lags)[5] < 0.1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"not json", "no fact"),
        (b'{"fact":"Unheard","code":"a"}', "no fact"),
        (b'{"fact":"Decided","service":"main","after":"","through":[[9]],"clock":1}', "cannot come from outside"),
        (b'{"fact":"EventEmitted","code":"a","payload":' + b"[" * 99 + b"]" * 99 + b"}", "nested deeper"),
        (b'{"fact":"EventEmitted","code":"a","payload":{}}', "neither an id nor a key"),
    ],
)
async def test_what_cannot_enter_is_parked_and_stops_nothing(postgres_url: str, data: bytes, why: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        await emit(user, "before")
        id = None if "neither" in why else new_id()
        await user.execute(
            "SELECT take_in('test', ARRAY[$1::uuid], ARRAY[$2::bytea], '{NULL}', '{NULL}', '{f}')", id, data
        )
        await emit(user, "after")
        await store.log.append([event("last")])
        assert await codes(store) == ["before", "after", "last"]
        assert why in await user.fetchval("SELECT reason FROM parked")
        assert await user.fetchval("SELECT data FROM parked") == data
        (finding,) = [each for each in await store.health() if each.name == "intake"]
        assert not finding.well
        assert why in finding.says


async def test_a_key_conflict_is_parked(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        await emit(user, "a", payload="1", key="k")
        await emit(user, "a", payload="2", key="k")
        await store.log.append([event("last")])
        assert await codes(store) == ["a", "last"]
        assert "key 'k' stands already at position 1" in await user.fetchval("SELECT reason FROM parked")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("SELECT emit('test', 'a', '{')", "invalid input syntax for type json"),
        ("SELECT emit('test', '')", "needs a code"),
        ("SELECT emit('nowhere', 'a')", "no namespace 'nowhere' yet"),
        ("SELECT emit('test', 'a', to_json(repeat('x', 262144))::text)", "more than 262144"),
        ("SELECT submit('test', 'a', '[]')", "must be a JSON object"),
        ("SELECT submit('test', '')", "name the task"),
    ],
)
async def test_a_bad_call_is_refused_in_the_users_transaction(postgres_url: str, call: str, says: str) -> None:
    async with opened(postgres_url), connected(postgres_url) as user:
        with pytest.raises(asyncpg.PostgresError, match=says):
            await user.execute(call)
        assert await user.fetchval("SELECT count(*) FROM intake") == 0


PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "postgres.md").read_text("utf-8")


async def test_the_sql_that_the_page_shows_runs(postgres_url: str) -> None:
    (shown,) = re.findall(r"```sql\n(BEGIN;.*?)```", PAGE, re.DOTALL)
    (look,) = re.findall(r"```sql\n(SELECT number, reason.*?)```", PAGE, re.DOTALL)
    schema = parse_url(postgres_url).schema
    async with opened(postgres_url, namespace="default") as store, connected(postgres_url) as user:
        await user.execute("CREATE TABLE orders (id integer, total integer)")
        await user.execute(shown.replace("ensue.", f"{schema}."))
        await store.log.head()
        emitted, submitted = (record.fact for record in await whole(store))
        assert isinstance(emitted, EventEmitted)
        assert isinstance(submitted, InvocationCreated)
        assert (emitted.code, emitted.key, submitted.task) == ("order.placed", "order 7", "shop.send_receipt")
        assert await user.fetch(look.replace("ensue.", f"{schema}.")) == []


@pytest.mark.parametrize("name", ["emit", "submit"])
async def test_a_function_is_what_the_page_says(postgres_url: str, name: str) -> None:
    (said,) = re.findall(rf"ensue\.{name}\((app_id text,[^)]*)\) RETURNS uuid", PAGE)
    async with opened(postgres_url), connected(postgres_url) as user:
        found = await user.fetchval("SELECT pg_get_function_arguments($1::regproc)", name)
    assert " ".join(said.split()) == found.replace("::text", "")

"""Emitting and submitting in the caller's transaction, whichever library has it open."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from ensue import Engine, IdempotencyConflict, NotFound, NotRunning, Tasks, WaitTimeout, current, on_event
from ensue.testing.conformance.drafts import event
from ensue_adapters.postgres.store import PostgresStore
from ensue_core.facts import EventEmitted, InvocationCreated
from ensue_core.records import Record
from tests.postgres.callers import AWAITED, KINDS, plain, user
from tests.postgres.stores import codes, connected, opened, whole

tasks = Tasks("shop")


@tasks.task(triggers=on_event("order.paid").with_args_from_event("order"))
async def pack(order: int) -> str:
    return f"packed {order}"


@tasks.task
async def weigh(things: str) -> int:
    return len(things)


@asynccontextmanager
async def client(url: str, *more: Tasks, **options: Any) -> AsyncGenerator[Engine, None]:
    """An engine that only emits and asks; it polls so seldom that nothing but a hint or a question moves it."""
    async with Engine(f"{url}&poll=3600", tasks=[tasks, *more], app_id="test", **options) as engine:
        yield engine


async def log_of(engine: Engine) -> list[Record]:
    """The whole log, and what the intake holds committed."""
    await engine.store.log.head()
    return await whole(engine.store)


def parked(engine: Engine) -> Any:
    """Why rows were parked, oldest first."""
    store = engine.store
    assert isinstance(store, PostgresStore)
    assert store._writer is not None
    return store._writer.read(
        lambda session: session.connection.fetch(f'SELECT reason FROM "{store._place.schema}".parked ORDER BY number')
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_an_emit_comes_with_the_commit_and_not_before(postgres_url: str, kind: str) -> None:
    payload = {"order": 7, "text": "a\0b é 😀 'quoted' :name %s $1"}
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        emitted = await caller.emit(engine, "order.paid", payload, correlation_id="c\0 1", causation_id="why")
        assert (emitted.position, emitted.duplicate) == (0, False)
        assert await log_of(engine) == []
        await caller.commit()
        (record,) = await log_of(engine)
        assert (record.id, record.root, record.cause) == (emitted.id, "c\0 1", "why")
        assert (await engine.events.get(emitted.id)).payload == payload


@pytest.mark.parametrize("kind", KINDS)
async def test_a_rollback_takes_emits_and_submits_along(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        emitted = await caller.emit(engine, "order.paid", {"order": 7})
        handle = await caller.submit(engine, weigh, "abc")
        await caller.emit_many(engine, "order.paid", [{"order": 8}, {"order": 9}])
        await caller.rollback()
        await engine.emit("last", {})
        assert await codes(engine.store) == ["last"]
        with pytest.raises(NotFound):
            await handle.status()
        with pytest.raises(WaitTimeout, match="only if its transaction has committed"):
            await handle.result(timeout=0.01)
        await engine.declare()
        with pytest.raises(WaitTimeout, match="has the transaction it was emitted in been committed"):
            await emitted.settled(timeout=0.5)


@pytest.mark.parametrize("kind", KINDS)
async def test_many_come_in_order_with_one_statement(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        assert list(await caller.emit_many(engine, "a", [])) == []
        many = await caller.emit_many(engine, "a", [{"n": number} for number in range(500)])
        await caller.emit(engine, "b", {})
        await caller.commit()
        records = await log_of(engine)
        assert [record.id for record in records[:-1]] == [each.id for each in many]
        assert isinstance(records[-1].fact, EventEmitted)
        assert records[-1].fact.code == "b"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_with_a_commit_reacts_and_its_handle_is_of_use(postgres_url: str, kind: str) -> None:
    engine = Engine(postgres_url, tasks=[tasks], app_id="test")
    async with engine.running(), user(kind, postgres_url) as caller:
        emitted = await caller.emit(engine, "order.paid", {"order": 7})
        handle = await caller.submit(engine, weigh, "abc")
        waiting = asyncio.ensure_future(handle.result(timeout=30))
        await caller.commit()
        assert await handle.result(timeout=30) == await waiting == 3
        await emitted.settled(timeout=30)
        assert [each.task for each in (await engine.invocations.list(root=emitted.id)).items] == ["shop.pack"]
        again = engine.handle(handle.id)
        assert (await again.result(timeout=30), await again.status()) == (3, "SUCCESS")


@pytest.mark.parametrize("kind", ["async session", "psycopg"])
async def test_a_handle_is_of_use_right_after_the_commit_though_nobody_runs(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        first = await caller.submit(engine, weigh, "abc")
        second = await caller.submit(engine, weigh, "abcd")
        await caller.commit()
        assert await first.status() == "REGISTERED"
        assert await second.cancel()
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        third = await caller.submit(engine, weigh, "abcde")
        await caller.commit()
        assert await third.cancel()
        assert await third.status() == "CANCELLED"


@pytest.mark.parametrize("kind", ["asyncpg", "async session", "connection", "psycopg"])
async def test_a_savepoint_that_is_rolled_back_takes_only_its_own(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, user(kind, postgres_url) as caller:
        await caller.emit(engine, "before", {})
        await caller.run("SAVEPOINT one")
        await caller.emit(engine, "inside", {}, idempotency_key="k")
        await caller.run("ROLLBACK TO SAVEPOINT one")
        await caller.emit(engine, "inside", {"again": True}, idempotency_key="k")
        await caller.commit()
        records = await log_of(engine)
        assert await codes(engine.store) == ["before", "inside"]
        assert isinstance(records[1].fact, EventEmitted)
        assert bytes(records[1].fact.payload) == b'{"again":true}'


# Keys.


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_any_committed_transaction_used_answers_at_once(postgres_url: str, kind: str) -> None:
    async with client(postgres_url) as engine, connected(postgres_url) as other, user(kind, postgres_url) as caller:
        direct = await engine.emit("a", {"n": 1, "m": 2}, idempotency_key="direct")
        async with other.transaction():
            within = await engine.emit("a", {"n": 1}, idempotency_key="within", connection=other)
            submitted = await weigh.options(idempotency_key="k", connection=other).submit("abc")
        again = await caller.emit(engine, "a", {"m": 2, "n": 1}, idempotency_key="direct")
        assert (again.id, again.position, again.duplicate) == (direct.id, 1, True)
        again = await caller.emit(engine, "a", {"n": 1}, idempotency_key="within")
        assert (again.id, again.position, again.duplicate) == (within.id, 2, True)
        handle = await caller.submit(engine, weigh.options(idempotency_key="k"), "abc")
        assert (handle.id, handle.duplicate) == (submitted.id, True)
        with pytest.raises(IdempotencyConflict):
            await caller.emit(engine, "a", {"n": 2}, idempotency_key="within")
        with pytest.raises(IdempotencyConflict):
            await caller.submit(engine, weigh.options(idempotency_key="k"), "other")
        await caller.emit(engine, "still.there", {})
        await caller.commit()
        assert len(await log_of(engine)) == 4
        assert await parked(engine) == []


async def test_a_key_that_is_not_known_before_the_commit_is_settled_on_entering(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("asyncpg", postgres_url) as one:
        async with user("session", postgres_url) as other:
            first = await one.emit(engine, "a", {"n": 1}, idempotency_key="k")
            twice = await one.emit(engine, "a", {"n": 1}, idempotency_key="k")
            same = await other.emit(engine, "a", {"n": 1}, idempotency_key="k")
            different = await other.emit(engine, "a", {"n": 2}, idempotency_key="k")
            assert not any(each.duplicate for each in (first, twice, same, different))
            assert {each.id for each in (twice, same, different)} == {first.id}
            await other.commit()
            await one.commit()
        (record,) = await log_of(engine)
        assert isinstance(record.fact, EventEmitted)
        assert bytes(record.fact.payload) == b'{"n":1}'
        (row,) = await parked(engine)
        assert row["reason"] == "key 'k' stands already at position 1 and says something else"
        (finding,) = [each for each in await engine.store.health() if each.name == "intake"]
        assert not finding.well


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_stricter_transactions_emit_side_by_side(postgres_url: str, level: str) -> None:
    async with client(postgres_url) as engine:
        await engine.emit("a", {}, idempotency_key="0")
        async with user("async session", postgres_url) as one, user("psycopg", postgres_url) as other:
            for each in (one, other):
                await each.rollback()
                await each.run(f"SET TRANSACTION ISOLATION LEVEL {level}")
            for key in ("1", "2"):
                await one.emit(engine, "a", {}, idempotency_key=f"one {key}")
                await other.emit(engine, "a", {}, idempotency_key=f"other {key}")
            assert (await one.emit(engine, "a", {}, idempotency_key="0")).duplicate
            await one.commit()
            await other.commit()
        assert len(await log_of(engine)) == 5


# Inside a task.


class Bodies:
    """Tasks that write to the user's database and emit in the same transaction, and what they left."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.failures = 1
        self.tasks = Tasks("bodies")

        @self.tasks.task(max_retries=1, retry_first="1ms")
        async def awaits(kind: str) -> None:
            async with user(kind, self.url) as caller:
                await self.work(caller)

        @self.tasks.task(max_retries=1, retry_first="1ms")
        def blocks() -> None:
            with psycopg.connect(plain(self.url)) as connection, connection.transaction():
                self.engine.sync.emit("done", {"n": 1}, connection=connection)
                self.engine.sync.submit(weigh, "abc", connection=connection)
            self.fail()

        self.awaits, self.blocks = awaits, blocks
        self.engine = Engine(url, tasks=[tasks, self.tasks], app_id="test")

    async def work(self, caller: Any) -> None:
        """Emit and submit in a transaction; the first attempt fails after its commit."""
        assert current().attempt in (1, 2)
        await caller.emit(self.engine, "done", {"n": 1})
        await weigh.options(connection=caller.connection).submit("abc")
        await caller.commit()
        self.fail()

    def fail(self) -> None:
        """Fail once."""
        self.failures -= 1
        if self.failures >= 0:
            raise ValueError("on purpose")


@pytest.mark.parametrize("kind", [*AWAITED, "blocks"])
async def test_inside_a_task_causes_hold_and_a_retry_repeats_nothing(postgres_url: str, kind: str) -> None:
    bodies = Bodies(postgres_url)
    async with bodies.engine.running():
        if kind == "blocks":
            handle = await bodies.blocks.options(correlation_id="c1").submit()
        else:
            handle = await bodies.awaits.options(correlation_id="c1").submit(kind)
        await handle.result(timeout=30)
        records = await log_of(bodies.engine)
        (emitted,) = [each for each in records if isinstance(each.fact, EventEmitted)]
        submits = [each for each in records if isinstance(each.fact, InvocationCreated)]
        assert len(submits) == 2
        inner = submits[1]
        assert isinstance(emitted.fact, EventEmitted)
        assert isinstance(inner.fact, InvocationCreated)
        assert {each.cause for each in (emitted, inner)} == {handle.id}
        assert {each.root for each in (emitted, inner)} == {"c1"}
        assert (emitted.fact.emitter, emitted.fact.emitter_task) == (handle.id, handle._task)
        assert (inner.fact.emitter, inner.fact.depth) == (handle.id, 1)
        assert bodies.failures == -1


# Hints.


@pytest.mark.parametrize("kind", ["asyncpg", "async session", "psycopg"])
async def test_one_look_after_the_commit_is_enough_for_an_idle_namespace(postgres_url: str, kind: str) -> None:
    async with opened(postgres_url, "&poll=3600") as idle, client(postgres_url) as engine:
        assert idle._listener is not None
        assert idle._listener.hears
        watch = idle._watch
        assert watch is not None
        looks = 0
        look = watch._look_at_head

        async def counted() -> int:
            nonlocal looks
            looks += 1
            return await look()

        watch._look_at_head = counted
        await idle.log.wait(0, 0.05)
        for position in range(5):
            waiting = asyncio.ensure_future(idle.log.wait(position))
            await asyncio.sleep(0)
            before = looks
            async with user(kind, postgres_url) as caller:
                await caller.emit(engine, "a", {})
                assert looks == before
                await caller.commit()
            async with asyncio.timeout(10):
                assert await waiting > position
            # Told of the commit and, where the other engine drained it, of that: never a poll.
            assert 1 <= looks - before <= 2


async def test_an_engine_that_has_moved_to_another_server_asks_again_where_it_is(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("asyncpg", postgres_url) as one:
        store = engine.store
        assert isinstance(store, PostgresStore)
        outbox: Any = store.outbox
        outbox._leads_to = "where.it.was"
        await one.emit(engine, "a", {})
        async with user("psycopg", postgres_url) as other:
            outbox._leads_to = "where.it.was"
            await other.emit(engine, "a", {})
            await other.commit()
        await one.commit()
        await store.log.append([event("last")])
        assert await codes(store) == ["a", "a", "last"]


async def test_as_much_as_a_submit_takes_enters_through_a_transaction(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("asyncpg", postgres_url) as caller:
        handle = await caller.submit(engine, weigh, "x" * 300_000)
        await caller.commit()
        assert await handle.status() == "REGISTERED"
        assert await parked(engine) == []


async def test_a_program_without_a_loop_emits_in_its_transactions(postgres_url: str) -> None:
    engine = Engine(f"{postgres_url}&poll=3600", tasks=[tasks], app_id="test")

    def program() -> bool:
        with engine.sync as blocking, psycopg.connect(plain(postgres_url)) as connection:
            with connection.transaction():
                blocking.emit("kept", {}, idempotency_key="k", connection=connection)
                handle = blocking.submit(weigh, "abc", connection=connection)
            with connection.transaction(force_rollback=True):
                blocking.emit("lost", {}, connection=connection)
            blocking.call(handle.status())
            return blocking.emit("kept", {}, idempotency_key="k").duplicate

    assert await asyncio.to_thread(program)
    async with opened(postgres_url) as store:
        assert await codes(store) == ["kept"]


async def test_a_blocking_connection_on_the_engines_own_loop_is_refused(postgres_url: str) -> None:
    async with client(postgres_url) as engine, user("psycopg", postgres_url) as caller:
        for call in (
            lambda: engine.sync.emit("a", {}, connection=caller.connection),
            lambda: engine.sync.emit_many("a", [{}], connection=caller.connection),
            lambda: engine.sync.submit(weigh, "a", connection=caller.connection),
        ):
            with pytest.raises(NotRunning, match="would wait for itself"):
                call()


def test_no_library_is_imported_before_its_connection_comes() -> None:
    program = "import sys, ensue, ensue_adapters.postgres; print({'sqlalchemy', 'psycopg'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

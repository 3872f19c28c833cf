"""No reader skips a record and positions are dense, whatever commits when; what was acknowledged stands first."""

import asyncio
import random

import pytest

from ensue.testing.conformance.drafts import event, step
from ensue_core.ports import Outrun
from tests.postgres.stores import Held, codes, connected, emit, opened, whole
from tests.servers.postgres import Server


async def test_who_inserts_later_and_would_commit_first_waits(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        held = Held(one, "slow")
        await held.inserted.wait()
        quick = asyncio.ensure_future(other.log.append([event("quick")]))
        done, _ = await asyncio.wait({quick}, timeout=0.2)
        assert not done, "a position after an uncommitted one was given away"
        assert await whole(other) == []
        held.may_commit.set()
        await held.task
        ((appended,)) = await quick
        assert appended.position == 2
        assert await codes(other) == ["slow", "quick"]


async def test_a_writer_that_rolls_back_leaves_no_gap(postgres_url: str) -> None:
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        held = Held(one, "lost", "lost", fails=True)
        await held.inserted.wait()
        quick = asyncio.ensure_future(other.log.append([event("kept")]))
        held.may_commit.set()
        with pytest.raises(ValueError, match="on purpose"):
            await held.task
        await quick
        assert await codes(other) == ["kept"]


async def test_a_users_long_transaction_delays_only_its_own_rows(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as long, connected(postgres_url) as short:
        transaction = long.transaction()
        await transaction.start()
        await emit(long, "long")
        await emit(short, "short")
        await store.log.append([event("direct")])
        assert await codes(store) == ["short", "direct"]
        await transaction.commit()
        await store.log.append([event("last")])
        assert await codes(store) == ["short", "direct", "long", "last"]


async def test_an_emit_acknowledged_before_another_was_sent_stands_before_it(postgres_url: str) -> None:
    chance = random.Random(5)
    sent: list[str] = []
    async with opened(postgres_url) as one, opened(postgres_url) as other, connected(postgres_url) as user:
        for number in range(120):
            code = f"n{number}"
            match chance.randrange(4):
                case 0:
                    await one.log.append([event(code)])
                case 1:
                    await other.log.append([event(code)])
                case 2:
                    await emit(user, code)
                case _:
                    async with user.transaction():
                        await one.outbox.put(user, [event(code)])
            sent.append(code)
        await one.log.append([event("last")])
        assert await codes(one) == [*sent, "last"]


async def test_a_step_is_outrun_by_what_waits_in_the_intake(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        await emit(user, "unread")
        later = store.clock.now() + 3_600_000_000
        assert isinstance(await store.decisions.commit(step(clock=later)), Outrun)
        assert (await store.decisions.load("main")).row.step == ""


async def test_no_reader_skips_a_record_while_transactions_of_all_lengths_commit(postgres_url: str) -> None:
    seed = 11
    chance = random.Random(seed)
    async with opened(postgres_url) as one, opened(postgres_url) as other, opened(postgres_url) as reader:
        seen: list[int] = []
        done = asyncio.Event()

        async def read() -> None:
            while not (done.is_set() and len(seen) >= total):
                await reader.log.wait(seen[-1] if seen else 0, 0.5)
                seen.extend(record.position for record in await reader.log.read(seen[-1] if seen else 0, 7))

        async def user(number: int) -> None:
            async with connected(postgres_url) as connection:
                for turn in range(10):
                    async with connection.transaction():
                        await emit(connection, f"user.{number}.{turn}.a")
                        await asyncio.sleep(chance.random() * 0.02)
                        await emit(connection, f"user.{number}.{turn}.b")

        async def direct(number: int) -> None:
            for turn in range(20):
                await (one, other)[number % 2].log.append([event(f"direct.{number}.{turn}")])

        total = 4 * 20 + 4 * 20
        reading = asyncio.create_task(read())
        await asyncio.gather(*(user(number) for number in range(4)), *(direct(number) for number in range(4)))
        done.set()
        async with asyncio.timeout(30):
            await reading
        assert seen == list(range(1, total + 1)), f"seed {seed}"
        found = await codes(one)
        assert len(set(found)) == total
        for kind in ("user", "direct"):
            for number in range(4):
                mine = [code for code in found if code.startswith(f"{kind}.{number}.")]
                assert mine == sorted(mine, key=lambda code: (int(code.split(".")[2]), code)), f"seed {seed}"


@pytest.mark.parametrize("where", ["here", "another database"])
async def test_a_long_transaction_elsewhere_stalls_nobody(postgres: Server, postgres_url: str, where: str) -> None:
    elsewhere = postgres_url if where == "here" else postgres.database("template1")
    async with opened(postgres_url) as store, connected(elsewhere) as long, long.transaction():
        await long.execute("CREATE TEMPORARY TABLE held (x integer); INSERT INTO held VALUES (1)")
        async with asyncio.timeout(5):
            await store.log.append([event("a")])
            async with opened(postgres_url) as other:
                assert await codes(other) == ["a"]
                assert await other.log.wait(0, 5)


async def test_an_intake_of_many_pages_enters_whole_before_the_next_append(postgres_url: str) -> None:
    async with opened(postgres_url) as store, connected(postgres_url) as user:
        await user.execute("SELECT emit('test', 'n' || n) FROM generate_series(1, 2500) AS n")
        await store.log.append([event("last")])
        found = await codes(store)
        assert found == [*(f"n{number}" for number in range(1, 2501)), "last"]
        assert await user.fetchval("SELECT count(*) FROM intake") == 0

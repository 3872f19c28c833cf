"""Old ranges of the log are detached as the guide says, and everybody goes on; what needs them says so."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ensue import Engine, Tasks, on_event
from ensue.testing.conformance.drafts import event
from ensue_adapters.postgres import schema
from ensue_adapters.postgres.place import parse_url
from ensue_core.errors import StoreError
from tests.postgres.stores import connected, opened, whole

if TYPE_CHECKING:
    from asyncpg import Connection

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "postgres.md").read_text("utf-8")
FREE, DETACH = re.findall(r"```sql\n(WITH needed.*?|ALTER TABLE ensue\.log DETACH.*?)\n```", GUIDE, re.DOTALL)
ATTACH = re.findall(r"`(ALTER TABLE ensue\.log ATTACH [^`]*)`", GUIDE)[0]


async def _cut_small(url: str, size: int) -> None:
    """Make the schema, with partitions of few positions."""
    await schema.upgrade(parse_url(url))
    async with connected(url) as owner:
        await owner.execute(f"UPDATE meta SET value = '{size}' WHERE name = 'partition_positions'")
        await owner.execute("DROP TABLE log_2; DROP TABLE log_1; DELETE FROM partitions; SELECT extend_log(1)")


def _here(sql: str, url: str) -> str:
    return sql.replace("ensue.", f"{parse_url(url).schema}.")


async def _free(owner: "Connection[Any]", url: str) -> list[str]:
    return [row["partition"] for row in await owner.fetch(_here(FREE, url))]


async def test_an_old_range_is_detached_while_everybody_works(postgres_url: str) -> None:
    await _cut_small(postgres_url, 50)
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n"))
    async def react(n: int) -> int:
        return n

    async with Engine(postgres_url, tasks=[tasks]) as client, connected(postgres_url) as owner:
        engine = Engine(postgres_url, tasks=[tasks])
        async with engine.running():
            for number in range(30):
                await (await client.emit("go", {"n": number})).settled(timeout=10)
            await _until_free(owner, postgres_url)
            await owner.execute(_here(DETACH, postgres_url))
            assert "log_1" not in await _free(owner, postgres_url)
            for number in range(30, 40):
                await (await client.emit("go", {"n": number})).settled(timeout=10)
    async with opened(postgres_url, namespace="default") as store:
        records = await whole(store)
        assert [record.position for record in records] == list(range(51, records[-1].position + 1))
        assert [record.position for record in await store.log.read(0, 5)] == [51, 52, 53, 54, 55]
        assert await store.work.queued() == 0


async def _until_free(owner: "Connection[Any]", url: str) -> None:
    async with asyncio.timeout(10):
        while "log_1" not in await _free(owner, url):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_range_is_not_free_while_something_needs_it(postgres_url: str) -> None:
    await _cut_small(postgres_url, 50)
    async with opened(postgres_url) as store, connected(postgres_url) as owner:
        await store.log.append([event() for _ in range(200)])
        assert await _free(owner, postgres_url) == []  # nobody has read any of it
        await owner.execute("INSERT INTO chains (namespace, service, through) VALUES (1, 'main', '[[120],0,\"\"]')")
        assert await _free(owner, postgres_url) == ["log_1", "log_2"]
        await owner.execute("INSERT INTO cursors VALUES (1, 'queries', 1, 70)")
        assert await _free(owner, postgres_url) == ["log_1"]


async def test_decisions_are_not_rebuilt_from_half_a_log(postgres_url: str) -> None:
    await _cut_small(postgres_url, 50)
    async with opened(postgres_url) as store, connected(postgres_url) as owner:
        await store.log.append([event() for _ in range(120)])
        before = await store.dump_decisions()
        await owner.execute(_here(DETACH, postgres_url))
        with pytest.raises(StoreError, match="the log begins at position 51, as older ranges were detached, so the"):
            await store.rebuild_decisions()
        assert await store.dump_decisions() == before
        await owner.execute(_here(ATTACH.replace("10000001", "51"), postgres_url))
        await store.rebuild_decisions()
        assert len(await whole(store)) == 120

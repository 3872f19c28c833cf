"""The topics of a log: made as they must be, and reported where they are otherwise."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from ensue.testing.conformance.drafts import event
from ensue_adapters.kafka.log import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import ConfigError, StoreUnavailable
from ensue_core.ports import Store
from tests.kafka.topics import create
from tests.servers.kafka import Kafka

GOOD = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "max.message.bytes": "33554432"}


@asynccontextmanager
async def opened(kafka: Kafka, name: str, tmp_path: Path, options: str = "", file: str = "v") -> AsyncGenerator[Store]:
    """A log, open."""
    views = quote(f"sqlite:///{tmp_path}/{file}.db", safe="")
    store = open_store(f"kafka://{kafka.address}/{name}?views={views}{options}", "default", SYSTEM_CLOCK)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def new_name() -> str:
    """The name of a log that nobody has."""
    return f"log-{uuid4().hex[:8]}"


async def test_topics_that_would_lose_or_misdate_facts_are_reported_with_what_changes_them(
    kafka: Kafka, tmp_path: Path
) -> None:
    name = new_name()
    await create(kafka.address, 2, name=f"{name}.events", settings={"cleanup.policy": "compact"})
    await create(kafka.address, 2, name=f"{name}.steps", settings=GOOD)
    with pytest.raises(ConfigError) as caught:
        async with opened(kafka, name, tmp_path):
            pass
    said = str(caught.value)
    assert f"topic {name}.events: cleanup.policy is compact" in said
    assert "--add-config cleanup.policy=delete,retention.ms=-1,message.timestamp.type=LogAppendTime" in said
    assert f"topic {name}.steps has 2 partitions and must have 1" in said
    assert f"{name}.attempts" not in said


async def test_topics_that_are_as_they_must_be_are_taken_as_they_are(kafka: Kafka, tmp_path: Path) -> None:
    name = new_name()
    await create(kafka.address, 3, name=f"{name}.events", settings=GOOD)
    async with opened(kafka, name, tmp_path, "&events=1") as store:
        await store.log.append([event(str(number)) for number in range(20)])
        assert (await store.log.head()).position == 20


async def test_more_copies_than_brokers_are_refused(kafka: Kafka, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has not enough brokers for 9 copies"):
        async with opened(kafka, new_name(), tmp_path, "&replication=9"):
            pass


async def test_views_that_are_lost_are_folded_again_from_the_topics(kafka: Kafka, tmp_path: Path) -> None:
    name = new_name()
    async with opened(kafka, name, tmp_path) as store:
        for number in range(5):
            await store.log.append([event(str(number)), event(f"{number} too")])
        before = await store.log.read(0, 99)
    async with opened(kafka, name, tmp_path, file="other") as store:
        assert await store.log.read(0, 99) == before


async def test_views_of_other_topics_are_refused(kafka: Kafka, tmp_path: Path) -> None:
    async with opened(kafka, new_name(), tmp_path) as store:
        await store.log.append([event("one")])
    with pytest.raises(StoreUnavailable, match="holds other topics than these views were folded from"):
        async with opened(kafka, new_name(), tmp_path):
            pass


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://h:9092/name", "does not say where its views are"),
        ("kafka://h:9092/name?views=redis://x", "cannot hold the views of a log"),
        ("kafka://h:9092/?views=sqlite:///x.db", "names no log"),
        ("kafka://h:9092/name?views=sqlite:///x.db&events=0", "events=0 is no number between 1 and"),
        ("kafka://h:9092/name?views=sqlite:///x.db&colour=red", "unknown option 'colour'"),
        ("kafka://u:secret@far:9092/name?tls=off&views=sqlite:///x.db", "would send its password in the clear"),
    ],
)
def test_a_url_that_cannot_work_is_refused_in_one_sentence(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        open_store(url, "default", SYSTEM_CLOCK)
    assert "secret" not in str(caught.value)

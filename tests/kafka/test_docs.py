"""The producers that the page on Kafka shows do what it says."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ensue import Engine
from tests.house.tree import ROOT
from tests.kafka.topics import create
from tests.servers.kafka import Kafka

PAGE = (ROOT / "docs" / "guide" / "kafka.md").read_text("utf-8")


def block(language: str, word: str) -> str:
    """The block of the page that holds a word."""
    blocks: list[str] = re.findall(rf"^```{language}[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [found] = [each for each in blocks if word in each]
    return found


async def only_event(kafka: Kafka, topic: str) -> tuple[str, object, str | None]:
    """The one event that a topic brings: its code, payload and key."""
    engine = Engine("memory:")
    engine.ingest(kafka.url(topic))
    async with engine.running():
        for _ in range(200):
            page = await engine.events.list()
            if page.items:
                found = await engine.events.get(page.items[0].id)
                assert found.origin is not None
                assert len(page.items) == 1
                return found.code, found.payload, found.origin.key
            await asyncio.sleep(0.05)
    raise AssertionError("no event came")


async def test_the_python_producer(kafka: Kafka, tmp_path: Path) -> None:
    topic = await create(kafka.address)
    program = (
        block("python", "AIOKafkaProducer").replace("broker:9092", kafka.address).replace('"orders"', f'"{topic}"')
    )
    (tmp_path / "produce.py").write_text(program)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "produce.py"], cwd=tmp_path, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert await only_event(kafka, topic) == ("order.paid", {"order": "42", "amount": 9.5}, "42")


async def test_the_producer_of_the_shell(kafka: Kafka) -> None:
    if shutil.which("kcat") is None:
        pytest.skip("needs kcat: apt-get install kcat")
    topic = await create(kafka.address)
    command = block("console", "kcat").removeprefix("$ ").replace("broker:9092", kafka.address)
    command = command.replace("-t orders", f"-t {topic}").replace("$(uuidgen)", "one")
    done = await asyncio.to_thread(subprocess.run, command, shell=True, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert await only_event(kafka, topic) == ("order.paid", {"order": "42", "amount": 9.5}, "42")


def test_the_table_in_the_file_is_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(block("toml", "[tool.ensue.ingest]"))
    monkeypatch.chdir(tmp_path)
    assert [(each.name, each.format, each.start) for each in Engine("memory:").ingests] == [
        ("orders", "cloudevents", "earliest"),
        ("bills", "json", "latest"),
    ]

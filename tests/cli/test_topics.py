"""`ensue ingest`, `ensue dead-letters` and what `ensue doctor` says of topics, against a real broker."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Ensue
from tests.kafka.kills import environ
from tests.kafka.topics import create, producing
from tests.servers.kafka import Kafka


@pytest.fixture
def topic(kafka: Kafka, place: Path) -> str:
    """A topic that pyproject.toml names `orders`: two payments, and two records that are none."""

    async def make() -> str:
        name = await create(kafka.address, 2)
        async with producing(kafka.address) as producer:
            for number, value in enumerate((b'{"order":1}', b"{broken", b'{"order":2}', b"\xff\xfe")):
                await producer.send_and_wait(name, value, b"k", 0, headers=[("h", b"%d" % number)])
        return name

    name = asyncio.run(make())
    (place / "pyproject.toml").write_text(
        f'[tool.ensue]\nurl = "sqlite:///shop.db"\n[tool.ensue.ingest]\n'
        f'orders = {{ url = "{kafka.url(name)}", format = "json", event = "order.paid" }}\n'
    )
    return name


@contextmanager
def ingesting(place: Path) -> Generator[subprocess.Popen[str]]:
    """Run `ensue ingest` in a process of its own until the block ends, and see it end well."""
    command = [sys.executable, "-m", "ensue_adapters.cli", "ingest"]
    process = subprocess.Popen(command, cwd=place, env=environ(), stderr=subprocess.PIPE, text=True)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def wait_for_events(ensue: Ensue, count: int) -> list[dict[str, object]]:
    """Wait until so many events are there."""
    said = ensue("events", "--json")
    for _ in range(100):
        if said.code == 0 and len(said.lines) >= count:
            return said.lines
        asyncio.run(asyncio.sleep(0.1))
        said = ensue("events", "--json")
    raise AssertionError(said)


def test_what_cannot_be_read_is_listed_and_sent_again(topic: str, place: Path, ensue: Ensue) -> None:
    with ingesting(place) as process:
        assert [each["code"] for each in wait_for_events(ensue, 2)] == ["order.paid", "order.paid"]
        listed = ensue("dead-letters", "--json").lines
        assert [(each["topic"], each["partition"], each["offset"], each["resent"]) for each in listed] == [
            ("orders", 0, 1, False),
            ("orders", 0, 3, False),
        ]
        assert [b64decode(each["value"]) for each in listed] == [b"{broken", b"\xff\xfe"]
        assert b64decode(listed[0]["headers"]["h"]) == b"1"
        assert "is not JSON" in listed[0]["reason"]
        shown = ensue("dead-letters")
        assert "0:3" in shown.out
        assert ensue("problems", "--json").lines[0]["reason"].startswith("topic orders, partition 0, offset")

        doctor = {
            each["name"]: each for each in ensue("doctor", "--json").document["findings"] if "topic" in each["name"]
        }
        assert doctor["topic orders"]["says"].startswith("2 records became no event")
        sent = ensue("dead-letters", "resend", "0:3")
        assert "orders: 1 letter sent again" in sent.err
        left = [(each["offset"], each["resent"]) for each in ensue("dead-letters", "--json", "--all").lines]
        assert (3, True) in left
        assert (1, False) in left
        assert ensue("dead-letters", "resend", "0:9").err.startswith("error: no dead letter at 0:9 of orders")
        assert "which letters?" in ensue("dead-letters", "resend").err
        assert "no topic is called 'x' here (known: orders)" in ensue("dead-letters", "--topic", "x").err
        process.poll()


def test_the_doctor_says_how_far_behind_a_topic_is(
    topic: str,
    place: Path,
    ensue: Ensue,
    kafka: Kafka,
) -> None:
    ensue("emit", "something")

    def finding() -> dict[str, str]:
        found = ensue("doctor", "--json").document["findings"]
        (one,) = [each for each in found if each["name"] == "topic orders" and "partition" in each["says"]]
        return dict(one)

    before = finding()
    assert before["state"] == "look"
    assert "no ingester is live; 4 records behind: start `ensue ingest` or `ensue run`" in before["says"]
    with ingesting(place):
        wait_for_events(ensue, 3)
        after = finding()
        assert after["state"] == "ok"
        assert after["says"] == "2 partitions, 2 events taken in; 1 ingester live; nothing is behind"


@pytest.mark.parametrize(
    ("topics", "says"),
    [
        ("", "no topic is named: call engine.ingest(...) in the program"),
        (
            'orders = "kafka://127.0.0.1:1/orders"',
            "no Kafka broker answers at 127.0.0.1:1: start it, or correct the URL",
        ),
        ('orders = "kafka://BROKER/nothing-here"', "there is no topic 'nothing-here' on BROKER: create it"),
        ('orders = "kafka://BROKER"', "names no topic: write kafka://broker:9092/orders"),
        ('orders = { url = "kafka://BROKER/t", format = "json" }', "plain JSON does not say which event it is"),
        ('orders = "kafka://u:p%40ss@example.org/t?tls=off"', "would send its password in the clear"),
        ('orders = "kafka://u@BROKER/t"', "has half of its credentials"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    kafka: Kafka,
    place: Path,
    ensue: Ensue,
    topics: str,
    says: str,
) -> None:
    (place / "pyproject.toml").write_text(f"[tool.ensue.ingest]\n{topics.replace('BROKER', kafka.address)}\n")
    said = ensue("ingest")
    assert said.code == 1
    assert says.replace("BROKER", kafka.address) in said.err
    (only,) = said.err.strip().splitlines()
    assert only.startswith("error: ")
    assert "p%40ss" not in said.err
    assert "p@ss" not in said.err


def test_the_settings_show_topics_without_passwords(place: Path, ensue: Ensue) -> None:
    (place / "pyproject.toml").write_text(
        '[tool.ensue.ingest]\na = "kafka://u:secret@b/orders"\nb = { url = "kafka://u:secret@b/t", start = "latest" }'
    )
    said = ensue("config", "--json")
    assert said.document["ingest.a"]["value"] == "kafka://u:***@b/orders"
    assert said.document["ingest.b"]["value"] == "kafka://u:***@b/t"
    assert "secret" not in said.out


def test_without_the_extra_it_says_what_to_install(
    place: Path,
    ensue: Ensue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [each for each in sys.modules if each.startswith(("ensue_adapters.kafka", "aiokafka"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    (place / "pyproject.toml").write_text('[tool.ensue.ingest]\norders = "kafka://127.0.0.1:1/orders"\n')
    said = ensue("ingest")
    assert (said.code, said.err.strip()) == (1, "error: topics of 'kafka' need aiokafka: pip install 'ensue[kafka]'")

"""What can be said of a topic, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ensue import Engine, Event
from ensue.config import resolve
from ensue.ingest.declared import Events, declare
from ensue.ingest.topics import open_topic
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import ConfigError, DeclarationError


def test_a_url_says_what_is_left_to_say() -> None:
    found = declare("kafka://b:9092/orders?format=json&code=topic&name=shop&start=latest&tls=on")
    assert (found.name, found.format, found.start, found.code) == ("shop", "json", "latest", "topic")
    assert found.url == "kafka://b:9092/orders?tls=on"


def test_arguments_come_before_the_url() -> None:
    assert declare("kafka://b/orders?start=latest&name=a", start="earliest", name="b").start == "earliest"


def test_what_is_not_said_has_a_default() -> None:
    found = declare("kafka://b/orders")
    assert (found.name, found.format, found.start, found.code) == ("orders", "cloudevents", "earliest", None)


@pytest.mark.parametrize(
    ("url", "event", "says"),
    [
        ("kafka://b", None, "'kafka://b' names no topic"),
        ("kafka://b/", None, "names no topic"),
        ("kafka://b/a/b", None, "names no topic"),
        ("orders", None, "names no topic"),
        ("kafka://[b/orders", None, "is not a URL"),
        ("kafka://b/orders?format=avro", None, "format 'avro' is unknown: write cloudevents or json"),
        ("kafka://b/orders?start=now", None, "start 'now' is unknown: write earliest or latest"),
        ("kafka://b/orders?name=a%20b", None, "'a b' cannot name a topic"),
        ("kafka://b/orders?format=json", None, "plain JSON does not say which event it is"),
        ("kafka://b/orders?format=json", ["a", "b"], "plain JSON does not say which event it is"),
        ("kafka://b/orders?format=json&code=kind", None, "code 'kind' is unclear"),
        ("kafka://b/orders?code=topic", None, "a CloudEvent's type is its code"),
        ("kafka://b/orders", "orders.*", "'orders.*' is a family of events"),
        ("kafka://b/orders", {"x": Event("orders.*")}, "'orders.*' is a family of events"),
    ],
)
def test_what_is_written_by_half_is_refused(url: str, event: Events | None, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(url, event)
    assert says in str(caught.value)
    assert str(caught.value).startswith("engine.ingest: ")
    assert ":" in str(caught.value).partition("engine.ingest: ")[2]


def test_a_code_that_is_none_is_refused() -> None:
    with pytest.raises(DeclarationError, match="is not an event code"):
        declare("kafka://b/orders", "order paid")


def test_two_topics_of_one_name_are_refused() -> None:
    engine = Engine("memory:")
    engine.ingest("kafka://b/orders")
    engine.ingest("kafka://c/orders")
    with pytest.raises(ConfigError, match="two topics are called 'orders': give one of them another name="):
        _ = engine.ingests


async def test_an_open_engine_declares_nothing_more() -> None:
    async with Engine("memory:") as engine:
        with pytest.raises(ConfigError, match="the engine is open"):
            engine.ingest("kafka://b/orders")


def test_the_file_names_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.ensue.ingest]\norders = "kafka://b/orders"\n'
        'bills = {url = "kafka://b/invoices?format=json", event = "bill.made", start = "latest"}\n'
        'many = {url = "kafka://b/x", events = {"com.a" = "a"}}\n'
    )
    monkeypatch.chdir(tmp_path)
    engine = Engine("memory:")
    orders, bills, many = engine.ingests
    assert (orders.name, orders.format, orders.url) == ("orders", "cloudevents", "kafka://b/orders")
    assert (bills.name, bills.single, bills.start) == ("bills", "bill.made", "latest")
    assert dict(many.events) == {"com.a": "a"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ingest = 3", "tool.ensue.ingest is no table"),
        ("[tool.ensue.ingest]\norders = 3", "[tool.ensue.ingest] orders needs a url"),
        ('[tool.ensue.ingest]\norders = {uri = "kafka://b/o"}', "orders has no key 'uri'"),
        ('[tool.ensue.ingest]\norders = {url = "kafka://b/o", event = "a", events = []}', "has event and events"),
        ('[tool.ensue.ingest]\norders = {url = "kafka://b/o", events = [3]}', "event is a code"),
        ('[tool.ensue.ingest]\norders = {url = "kafka://b/o", start = 3}', "start is 3, not text"),
        ('[tool.ensue.ingest]\norders = "kafka://b"', "orders: 'kafka://b' names no topic"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(text if text.startswith("[") else f"[tool.ensue]\n{text}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        _ = Engine("memory:").ingests
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_other_keys_stay_unknown(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ensue]\ningests = "x"\n')
    with pytest.raises(ConfigError, match="has no key 'ingests'"):
        resolve(directory=tmp_path, environ={})


def test_a_scheme_that_nothing_serves_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no topics for 'nats' URLs \(known: .*memory.*\): write kafka://host:9092"):
        open_topic("nats://b/orders", "a", SYSTEM_CLOCK)


def test_nobody_sees_the_password() -> None:
    found = declare("kafka://u:secret@b/orders")
    assert "secret" not in repr(found)
    for url in ("kafka://u:secret@b/", "kafka://u:secret@b/o?format=x", "kafka://u:secret@[b/o", "nats://u:secret@b/o"):
        with pytest.raises(ConfigError) as caught:
            open_topic(declare(url).url, "a", SYSTEM_CLOCK)
        assert "secret" not in str(caught.value)

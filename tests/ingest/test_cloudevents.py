"""CloudEvents 1.0 as the official SDK writes them, and as others do."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_kafka_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent as Official
from hypothesis import given, settings
from hypothesis import strategies as st

from ensue import Event
from ensue.ingest.declared import declare
from ensue.ingest.reading import Reading, Unreadable
from ensue_core.defaults import DEFAULTS
from ensue_core.facts import EventEmitted, Origin
from ensue_core.records import Draft
from ensue_core.topics import Message
from ensue_core.values import decode

READING = Reading(declare("kafka://b/orders"), "default", DEFAULTS)
BINARY = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/shop", "ce_type": "order.paid"}


def message(
    value: bytes | None, headers: dict[str, str | bytes] | None = None, key: bytes | None = None, offset: int = 7
) -> Message:
    """A record of partition 2."""
    texts = {name: text.encode() if isinstance(text, str) else text for name, text in (headers or {}).items()}
    return Message(2, offset, 1_000, key, value, tuple(texts.items()))


def fact_of(read: Draft) -> EventEmitted:
    """What was read."""
    assert isinstance(read.fact, EventEmitted)
    return read.fact


def binary(value: bytes | None = b"{}", content_type: str | None = "application/json", **attributes: str) -> Draft:
    """Read a record in binary mode."""
    headers: dict[str, str | bytes] = {**BINARY, **{f"ce_{name}": text for name, text in attributes.items()}}
    if content_type is not None:
        headers["content-type"] = content_type
    return READING.read(message(value, {name: text for name, text in headers.items() if text}))


def structured(event: dict[str, Any], content_type: str | None = "application/cloudevents+json") -> Draft:
    """Read a record in structured mode."""
    whole = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid"} | event
    return READING.read(message(json.dumps(whole).encode(), {"content-type": content_type} if content_type else {}))


# As the SDK writes them.

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
DATA = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=4)
EXTENSION = st.from_regex(r"[a-z][a-z0-9]{3,15}", fullmatch=True).filter(
    lambda name: (
        name not in {"data", "time", "type", "subject", "source", "dataschema", "specversion", "datacontenttype"}
    )
)
YEAR_1990, YEAR_2090 = datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2090-01-01")
EVENTS = st.fixed_dictionaries(
    {
        "id": TEXT,
        "source": TEXT,
        "type": st.from_regex(r"[a-zA-Z][a-zA-Z0-9._-]{0,40}", fullmatch=True),
        "specversion": st.just("1.0"),
        "datacontenttype": st.just("application/json"),
    },
    optional={
        "subject": TEXT,
        "time": st.datetimes(YEAR_1990, YEAR_2090, timezones=st.just(UTC)),
        "partitionkey": TEXT,
        "correlationid": TEXT,
        "causationid": TEXT,
        "traceparent": st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    },
)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.dictionaries(EXTENSION, TEXT, max_size=3), DATA, st.booleans())
def test_an_event_of_the_official_sdk_is_read_as_the_sdk_reads_it(
    attributes: dict[str, Any], extensions: dict[str, str], data: dict[str, Any], in_headers: bool
) -> None:
    event = Official(attributes=extensions | attributes, data=data)
    sent = to_binary_event(event) if in_headers else to_structured_event(event)
    read = READING.read(_as_message(sent))
    official = from_kafka_event(sent)
    fact = fact_of(read)
    origin = fact.origin
    assert origin is not None
    assert (origin.id, origin.source, fact.code) == (official.get_id(), official.get_source(), official.get_type())
    assert decode(fact.payload) == official.get_data() == data
    assert fact.correlation == read.root == official.get_extension("correlationid")
    assert fact.causation == read.cause == official.get_extension("causationid")
    assert fact.traceparent == official.get_extension("traceparent")
    assert origin.key == official.get_extension("partitionkey")
    assert origin.attributes.get("subject") == official.get_subject()
    time = official.get_time()
    assert ("time" in origin.attributes) == (time is not None)
    if time is not None:
        assert datetime.fromisoformat(origin.attributes["time"]) == time
    assert {name: origin.attributes.get(name) for name in extensions if name not in attributes} == {
        name: official.get_extension(name) for name in extensions if name not in attributes
    }


def _as_message(sent: KafkaMessage) -> Message:
    key = sent.key.encode() if isinstance(sent.key, str) else sent.key
    return Message(2, 7, 1_000, key, sent.value, tuple(sent.headers.items()))


# Both modes by hand.


def test_both_modes_give_the_same_event() -> None:
    one = binary(b'{"order": "42"}', subject="s", correlationid="c")
    other = structured({"data": {"order": "42"}, "subject": "s", "correlationid": "c"})
    assert one.id == other.id
    assert one.repeatable
    assert fact_of(one).origin == Origin(
        "orders", 2, 7, "/shop", "1", None, {"subject": "s", "datacontenttype": "application/json"}
    )
    assert decode(fact_of(one).payload) == decode(fact_of(other).payload) == {"order": "42"}


def test_an_event_is_the_same_by_its_source_and_id_alone() -> None:
    assert binary(offset="9").id == binary(b"[1]", time="2026-01-01T00:00:00Z").id
    assert binary(id="2").id != binary().id != binary(source="/other").id
    assert binary(id="b", source="a/").id != binary(id="/b", source="a").id


def test_where_the_log_is_in_partitions_an_event_is_told_by_its_partition_too() -> None:
    reading = Reading(declare("kafka://b/orders"), "default", DEFAULTS, per_partition=True)
    texts = tuple((name, text.encode()) for name, text in BINARY.items())
    ids = {reading.read(Message(partition, 7, 0, None, b"{}", texts)).id for partition in (1, 1, 2)}
    assert len(ids) == 2
    assert binary().id not in ids


def test_the_payload_is_the_bytes_that_came() -> None:
    raw = b'{ "amount" : 1.10, "b":1,  "a":2 }'
    assert bytes(fact_of(binary(raw)).payload) == raw
    whole = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":' + raw + b"}"
    read = READING.read(message(whole, {"content-type": "application/cloudevents+json; charset=UTF-8"}))
    assert bytes(fact_of(read).payload) == raw


def test_an_event_without_data_has_an_empty_payload() -> None:
    for read in (binary(None), binary(b""), structured({})):
        assert bytes(fact_of(read).payload) == b"{}"
    assert decode(fact_of(structured({"data": None})).payload) is None


def test_text_is_a_json_string() -> None:
    assert decode(fact_of(binary("grüß".encode(), "text/plain")).payload) == "grüß"
    assert decode(fact_of(binary("grüß".encode("latin-1"), 'text/plain; charset="iso-8859-1"')).payload) == "grüß"
    assert decode(fact_of(structured({"datacontenttype": "text/plain", "data": "hi"})).payload) == "hi"


def test_json_in_base64_is_read() -> None:
    assert decode(fact_of(structured({"data_base64": "eyJhIjoxfQ=="})).payload) == {"a": 1}


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/vnd.shop+json; charset=utf-8", "text/json", None]
)
def test_every_json_type_is_json(content_type: str | None) -> None:
    assert decode(fact_of(binary(b'{"a":1}', content_type)).payload) == {"a": 1}


def test_a_structured_event_needs_no_content_type() -> None:
    assert fact_of(structured({"data": 1}, None)).code == "order.paid"
    assert fact_of(structured({"data": 1}, "application/json")).code == "order.paid"


def test_a_traceparent_may_stand_beside_the_event() -> None:
    headers: dict[str, str | bytes] = {**BINARY, "traceparent": "00-a"}
    assert fact_of(READING.read(message(b"{}", headers))).traceparent == "00-a"
    headers["ce_traceparent"] = "00-b"
    assert fact_of(READING.read(message(b"{}", headers))).traceparent == "00-b"


def test_the_partition_key_is_the_events_or_else_the_records() -> None:
    headers: dict[str, str | bytes] = {**BINARY}
    origins = [
        fact_of(READING.read(message(b"{}", headers, b"kafka"))).origin,
        fact_of(READING.read(message(b"{}", {**headers, "ce_partitionkey": "own"}, b"kafka"))).origin,
        fact_of(READING.read(message(b"{}", headers, b"\xff"))).origin,
    ]
    assert [each and each.key for each in origins] == ["kafka", "own", None]


def test_attributes_of_other_types_are_kept_as_they_are_written() -> None:
    origin = fact_of(structured({"retries": 3, "urgent": True, "gone": None, "word": "null"})).origin
    assert origin is not None
    assert origin.attributes == {"retries": "3", "urgent": "true", "word": "null"}


UNREADABLE: dict[str, tuple[Message, str]] = {
    "no value": (message(None), "no JSON object"),
    "no JSON": (message(b"hello"), "no JSON object"),
    "not UTF-8": (message(b'{"id":"\xff"}'), "no JSON object"),
    "a list": (message(b"[]"), "no JSON object"),
    "other JSON": (message(b'{"order": 42}'), "it has no specversion"),
    "another content type": (message(b"{}", {"content-type": "application/avro"}), "there is no ce_specversion header"),
    "a batch": (message(b"[]", {"content-type": "application/cloudevents-batch+json"}), "is not read here"),
    "avro": (message(b"", {"content-type": "application/cloudevents+avro"}), "is not read here"),
    "an old version": (message(b"{}", {**BINARY, "ce_specversion": "0.3"}), "specversion '0.3' is not 1.0"),
    "no id": (message(b"{}", {k: v for k, v in BINARY.items() if k != "ce_id"}), "it has no id"),
    "an empty source": (message(b"{}", {**BINARY, "ce_source": ""}), "it has no source"),
    "no type": (message(b'{"specversion":"1.0","id":"1","source":"s"}'), "it has no type"),
    "an id that is not UTF-8": (message(b"{}", {**BINARY, "ce_id": b"\xff"}), "ce_id is not UTF-8"),
    "a type that is no code": (message(b"{}", {**BINARY, "ce_type": "order paid"}), "is not an event code"),
    "a type that is a family": (message(b"{}", {**BINARY, "ce_type": "order.*"}), "is no event code"),
    "broken data": (message(b'{"a":', {**BINARY, "content-type": "application/json"}), "is not JSON"),
    "data that is not UTF-8": (message(b'"\xff"', dict(BINARY)), "is not JSON"),
    "a NaN": (message(b'{"a":NaN}', dict(BINARY)), "is not JSON"),
    "a number past all bounds": (message(b"1e999", dict(BINARY)), "is not JSON"),
    "an image": (message(b"\x89PNG", {**BINARY, "content-type": "image/png"}), "its data is image/png, not JSON"),
    "JSON in another charset": (
        message(b"{}", {**BINARY, "content-type": "application/json; charset=utf-16"}), "JSON in utf-16",
    ),
    "text that is none": (message(b"\xff", {**BINARY, "content-type": "text/plain"}), "its data is no text/plain"),
    "too large": (message(b'"' + b"x" * 300_000 + b'"', dict(BINARY)), "has 300002 bytes, more than 262144"),
    "too deep": (message(b"[" * 70 + b"]" * 70, dict(BINARY)), "nested deeper than 64 levels"),
    "far too deep": (message(b"[" * 9_000 + b"]" * 9_000, dict(BINARY)), "nested deeper than 64 levels"),
    "a long id": (message(b"{}", {**BINARY, "ce_id": "x" * 600}), "its id has 600 characters, more than 512"),
    "a long cause": (message(b"{}", {**BINARY, "ce_causationid": "x" * 600}), "its causationid has 600 characters"),
    "long attributes": (message(b"{}", {**BINARY, "ce_subject": "x" * 20_000}), "its attributes have more than"),
    "bad base64": (
        message(b'{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"%%"}'), "data_base64 cannot",
    ),
    "both kinds of data": (
        message(b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":""}'), "both data and",
    ),
    "xml in JSON": (
        message(b'{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/xml","data":"<a/>"}'),
        "its data is application/xml, not JSON",
    ),
    "an id that is no text": (message(b'{"specversion":"1.0","id":{},"source":"s","type":""}'), "it has no type"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_event_says_why(what: str) -> None:
    bad, reason = UNREADABLE[what]
    with pytest.raises(Unreadable, match=re.escape(reason)):
        READING.read(bad)


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    st.dictionaries(st.sampled_from([*BINARY, "content-type", "ce_x", "traceparent"]), st.binary(max_size=12)),
)
def test_whatever_comes_is_an_event_or_has_a_reason(value: bytes, headers: dict[str, bytes]) -> None:
    for reading in (READING, Reading(declare("kafka://b/orders?format=json&code=field:kind"), "a", DEFAULTS)):
        with contextlib.suppress(Unreadable):
            assert isinstance(reading.read(message(value, dict(headers))).fact, EventEmitted)


def test_types_can_be_mapped_to_codes_and_events() -> None:
    paid = Event("order.paid", dict[str, int])
    reading = Reading(declare("kafka://b/t", {"com.shop.paid": paid, "com.shop.sent": "order.sent"}), "a", DEFAULTS)
    said = {name: message(b'{"a":1}', {**BINARY, "ce_type": name}) for name in ("com.shop.paid", "com.shop.sent", "x")}
    assert {name: fact_of(reading.read(each)).code for name, each in said.items()} == {
        "com.shop.paid": "order.paid",
        "com.shop.sent": "order.sent",
        "x": "x",
    }
    with pytest.raises(Unreadable, match="does not fit its declared type"):
        reading.read(message(b'{"a":"b"}', {**BINARY, "ce_type": "com.shop.paid"}))
    # Only the events that were declared with a type are checked.
    assert fact_of(reading.read(message(b'{"a":"b"}', {**BINARY, "ce_type": "com.shop.sent"}))).code == "order.sent"


def test_one_declared_event_is_no_name_for_the_others() -> None:
    reading = Reading(declare("kafka://b/t", Event("order.paid", dict[str, int])), "a", DEFAULTS)
    assert (
        fact_of(reading.read(message(b'{"why":"x"}', {**BINARY, "ce_type": "order.cancelled"}))).code
        == "order.cancelled"
    )

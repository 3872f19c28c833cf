"""Plain JSON records: which event each is, and how it is told from others."""

from __future__ import annotations

import msgspec
import pytest

from ensue import Event
from ensue.ingest.declared import Events, declare
from ensue.ingest.reading import Reading, Unreadable
from ensue_core.defaults import DEFAULTS
from ensue_core.facts import EventEmitted
from ensue_core.records import Draft
from ensue_core.topics import RESENT_AS, Message


class Paid(msgspec.Struct):
    """A payment."""

    order: str


def read(
    message: Message,
    url: str = "kafka://b/orders?format=json",
    event: Events | None = "order.paid",
    namespace: str = "a",
) -> Draft:
    """Read one record."""
    return Reading(declare(url, event), namespace, DEFAULTS).read(message)


def code(message: Message, url: str, event: Events | None = None) -> str:
    """The code under which a record is emitted."""
    fact = read(message, url, event).fact
    assert isinstance(fact, EventEmitted)
    return fact.code


def plain(value: bytes | None = b"{}", offset: int = 7, time: int = 5_000, **headers: str) -> Message:
    """A record of partition 2."""
    return Message(2, offset, time, b"k", value, tuple((name, text.encode()) for name, text in headers.items()))


def test_a_record_is_the_event_that_was_declared_and_its_bytes_are_the_payload() -> None:
    raw = b'{ "order" : "42" }'
    found = read(plain(raw), event=Event("order.paid", Paid))
    assert isinstance(found.fact, EventEmitted)
    assert (found.fact.code, bytes(found.fact.payload)) == ("order.paid", raw)
    assert found.fact.origin is not None
    assert (found.fact.origin.topic, found.fact.origin.partition, found.fact.origin.offset) == ("orders", 2, 7)
    assert found.fact.origin.key == "k"


def test_a_payload_that_does_not_fit_says_so() -> None:
    with pytest.raises(Unreadable, match=r"payload of order\.paid does not fit its declared type Paid"):
        read(plain(b'{"order": 42}'), event=Event("order.paid", Paid))


def test_the_code_may_stand_in_a_field() -> None:
    url = "kafka://b/t?format=json&code=field:meta.kind"
    assert code(plain(b'{"meta":{"kind":"order.sent"}}'), url) == "order.sent"
    mapped = {"SENT": Event("order.sent", dict[str, dict[str, str]])}
    assert code(plain(b'{"meta":{"kind":"SENT"}}'), url, mapped) == "order.sent"
    for value in (b"{}", b"[1]", b'{"meta":{"kind":3}}', b'{"meta":"kind"}'):
        with pytest.raises(Unreadable, match=r"its field 'meta\.kind', which says its code, is no text"):
            code(plain(value), url)
    for broken in (b"", None, b"\xff", b'{"meta":'):
        with pytest.raises(Unreadable, match="it is not JSON"):
            code(plain(broken), url)


def test_the_code_may_stand_in_a_header() -> None:
    url = "kafka://b/t?format=json&code=header:Kind"
    assert code(plain(kind="order.sent"), url) == code(plain(KIND="order.sent"), url) == "order.sent"
    with pytest.raises(Unreadable, match="it has no header 'Kind'"):
        code(plain(), url)
    with pytest.raises(Unreadable, match="is not an event code"):
        code(plain(kind="order sent"), url)


def test_the_code_may_be_the_topic() -> None:
    assert code(plain(), "kafka://b/order.sent?format=json&code=topic") == "order.sent"


def test_a_record_without_value_is_none() -> None:
    with pytest.raises(Unreadable, match="it has no value"):
        read(plain(None))


def test_headers_say_where_an_event_belongs() -> None:
    found = read(plain(correlationid="c", causationid="d", traceparent="00-a", partitionkey="p"))
    fact = found.fact
    assert isinstance(fact, EventEmitted)
    assert (fact.correlation, fact.causation, fact.traceparent) == ("c", "d", "00-a")
    assert (found.root, found.cause, fact.origin and fact.origin.key) == ("c", "d", "p")
    with pytest.raises(Unreadable, match="its correlationid has 513 characters"):
        read(plain(correlationid="x" * 513))


def test_an_id_is_the_place_in_the_topic() -> None:
    ids = {
        read(plain()).id,
        read(plain(offset=8)).id,
        read(Message(3, 7, 5_000, None, b"{}")).id,
        read(plain(time=6_000)).id,
        read(plain(), "kafka://b/orders?format=json&name=other").id,
        read(plain(), namespace="b").id,
    }
    assert len(ids) == 6
    assert read(plain()).id == read(plain(b"[]")).id
    assert not read(plain()).repeatable


def test_a_record_that_is_sent_again_has_the_id_of_the_first_time() -> None:
    again = Message(2, 90, 9_000, None, b"{}", ((RESENT_AS, b"2/7/5000"),))
    assert read(again).id == read(plain()).id
    assert read(again).repeatable
    for broken in (b"", b"2/7", b"2/7/x", b"2/7/-1", b"2/7/" + b"9" * 30):
        assert not read(Message(2, 90, 9_000, None, b"{}", ((RESENT_AS, broken),))).repeatable

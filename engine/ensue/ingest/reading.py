"""One record of a topic: the event it is, or the reason why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ensue.events import Event, check_code
from ensue.ingest.cloudevents import Unreadable, read_cloudevent
from ensue.ingest.declared import Ingest
from ensue_core.defaults import Defaults
from ensue_core.errors import BadValue, DeclarationError
from ensue_core.facts import EventEmitted, Origin
from ensue_core.ids import Id, derive, derive_keyed
from ensue_core.records import Draft, draft
from ensue_core.topics import RESENT_AS, Message
from ensue_core.values import check_raw, decode_as

__all__ = ["Reading", "Unreadable"]

_NONE: Mapping[str, str] = {}

TEXT_MAX = 512
"""How long an id, a cause or a key may be, in characters."""

ATTRIBUTES_MAX = 16 * 1024
"""How long all other attributes of a CloudEvent may be together, in characters."""

_ABOUT = ("correlationid", "causationid", "traceparent", "partitionkey")
"""What says where an event belongs: attributes of a CloudEvent, headers beside plain JSON."""


class Reading:
    """Reads the records of one topic."""

    def __init__(self, declared: Ingest, namespace: str, defaults: Defaults, per_partition: bool = False) -> None:
        self._declared = declared
        self._per_partition = per_partition
        self._namespace = namespace
        self._bytes_max = defaults.payload_bytes_max
        self._read = self._cloudevent if declared.format == "cloudevents" else self._plain
        self._checked: set[str] = set()

    def read(self, message: Message) -> Draft:
        """Return the event that a record is. Raises `Unreadable` with the reason where it is none."""
        try:
            return self._read(message, _texts(message) if message.headers else _NONE)
        except (BadValue, DeclarationError) as error:
            raise Unreadable(str(error)) from None

    def _cloudevent(self, message: Message, headers: Mapping[str, str]) -> Draft:
        event = read_cloudevent(message, headers)
        attributes = event.attributes
        if "traceparent" not in attributes and "traceparent" in headers:
            attributes["traceparent"] = headers["traceparent"]
        long = sum(map(len, (event.id, event.source, *attributes, *attributes.values()))) > TEXT_MAX
        pop = attributes.pop
        correlation, causation, traceparent, key = about = (
            pop("correlationid", None), pop("causationid", None), pop("traceparent", None), pop("partitionkey", None),
        )  # fmt: skip
        if long:
            _short(("id", event.id), ("source", event.source), *zip(_ABOUT, about, strict=True))
            if sum([len(name) + len(text) for name, text in attributes.items()]) > ATTRIBUTES_MAX:
                raise Unreadable(f"its attributes have more than {ATTRIBUTES_MAX} characters")
        code = self._code(event.type)
        origin = Origin(
            self._declared.name,
            message.partition,
            message.offset,
            event.source,
            event.id,
            key if key is not None else _key(message),
            attributes,
        )
        within = (self._declared.name, message.partition) if self._per_partition else ()
        id = derive_keyed("cloudevent", self._namespace, event.source, event.id, *within)
        payload = self._payload(event.type, code, event.data)
        fact = EventEmitted(
            code,
            payload,
            correlation=correlation,
            causation=causation,
            traceparent=traceparent,
            origin=origin,
        )
        return draft(id, fact, cause=causation, root=correlation, repeatable=True)

    def _plain(self, message: Message, headers: Mapping[str, str]) -> Draft:
        correlation = causation = traceparent = key = None
        if headers:
            correlation, causation, traceparent, key = about = [headers.get(name) for name in _ABOUT]
            _short(*zip(_ABOUT, about, strict=True))
        said = self._said(message, headers)
        code = self._code(said)
        if message.value is None:
            raise Unreadable("it has no value")
        origin = Origin(
            self._declared.name,
            message.partition,
            message.offset,
            key=key if key is not None else _key(message),
        )
        fact = EventEmitted(
            code,
            self._payload(said, code, message.value),
            correlation=correlation,
            causation=causation,
            traceparent=traceparent,
            origin=origin,
        )
        id, again = self._id(message, headers)
        return draft(id, fact, cause=causation, root=correlation, repeatable=again)

    def _id(self, message: Message, headers: Mapping[str, str]) -> tuple[Id, bool]:
        """Return the id that a record without one of its own has: its place in the topic, the first one if resent."""
        partition, offset, time, again = message.partition, message.offset, message.time, False
        if RESENT_AS in headers:
            first = headers[RESENT_AS].split("/")
            if len(first) == 3 and all(each.isdecimal() and len(each) < 20 for each in first):
                partition, offset, time, again = int(first[0]), int(first[1]), int(first[2]), True
        return derive(time, "record", self._namespace, self._declared.name, partition, offset), again

    def _said(self, message: Message, headers: Mapping[str, str]) -> str:
        """Return what a plain record, or its declaration, says which event it is."""
        declared = self._declared
        if declared.code is None:
            assert declared.single is not None
            return declared.single
        if declared.code == "topic":
            return declared.name
        kind, _, path = declared.code.partition(":")
        if kind == "header":
            if path.lower() not in headers:
                raise Unreadable(f"it has no header {path!r}, which says its code")
            return headers[path.lower()]
        value = _field(message.value, path)
        if not isinstance(value, str):
            raise Unreadable(f"its field {path!r}, which says its code, is no text")
        return value

    def _code(self, said: str) -> str:
        """Return the code under which an event is recorded that says it is so."""
        target = self._declared.events.get(said)
        if target is not None:
            return target if isinstance(target, str) else target.code
        if said not in self._checked:
            check_code(said, "its type")
            if said.endswith(".*"):
                raise Unreadable(f"{said!r} is no event code")
            if len(self._checked) < 10_000:
                self._checked.add(said)
        return said

    def _payload(self, said: str, code: str, raw: bytes) -> msgspec.Raw:
        """Return a payload that has been checked, for its type as well where one is declared."""
        what = f"payload of {code}"
        check_raw(raw, what, self._bytes_max)
        target: Event[Any] | str | None = self._declared.events.get(said)
        if isinstance(target, Event):
            decode_as(raw, target.payload, what)
        return msgspec.Raw(raw)


def _texts(message: Message) -> dict[str, str]:
    """Return headers by name in lower case, as text."""
    texts: dict[str, str] = {}
    for name, value in message.headers:
        if value is not None:
            name = name.lower()
            try:
                texts[name] = value.decode()
            except UnicodeDecodeError:
                # Two ids must not become one by what stands in for their bytes.
                if name.startswith("ce_") or name in _ABOUT:
                    raise Unreadable(f"its header {name} is not UTF-8") from None
    return texts


def _key(message: Message) -> str | None:
    if message.key is None or len(message.key) > TEXT_MAX:
        return None
    try:
        return message.key.decode()
    except UnicodeDecodeError:
        return None


def _short(*named: tuple[str, str | None]) -> None:
    for name, text in named:
        if text is not None and len(text) > TEXT_MAX:
            raise Unreadable(f"its {name} has {len(text)} characters, more than {TEXT_MAX}")


def _field(value: bytes | None, path: str) -> object:
    """Return a field of a JSON object by its dotted path; None where it is not there."""
    try:
        at: object = msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"it is not JSON ({error})") from None
    for part in path.split("."):
        at = cast("dict[str, object]", at).get(part) if isinstance(at, dict) else None
    return at

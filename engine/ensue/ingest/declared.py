"""What a program says of a topic: where it is, how its records are written, which events they become."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from ensue.config import redact
from ensue.events import Event, check_code
from ensue_core.errors import ConfigError

__all__ = ["Events", "Format", "Ingest", "Start", "declare", "declare_from_file"]

Format = Literal["cloudevents", "json"]
Start = Literal["earliest", "latest"]
Events = Event[Any] | str | Sequence[Event[Any] | str] | Mapping[str, Event[Any] | str]
"""Which events: one, several, or by the type (or code) that records say they have."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,248}")
_FIELD = re.compile(r"(?:field|header):\S+|topic")
_OWN = ("format", "code", "name", "start")
"""The URL's options that are for us; the others are the adapter's."""


class Ingest(msgspec.Struct, frozen=True):
    """A topic as declared.

    `url` is the adapter's part of the URL. `code` says where plain records name their event: "field:path",
    "header:name" or "topic"; None where all are `single`. `events` holds what to do by that name, or by a CloudEvent's
    type: an event whose payload is checked, or another code.
    """

    url: str
    name: str
    format: Format = "cloudevents"
    start: Start = "earliest"
    code: str | None = None
    single: str | None = None
    events: Mapping[str, Event[Any] | str] = {}

    def __repr__(self) -> str:
        return f"Ingest({redact(self.url)!r}, name={self.name!r}, format={self.format!r})"


def declare(url: str, events: Events | None = None, where: str = "engine.ingest", **options: str | None) -> Ingest:
    """Return a topic as declared; an option of None says nothing, and the URL may say it.

    Raises `ConfigError` and `DeclarationError` with what to write.
    """
    shown = redact(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(f"{where}: {shown!r} is not a URL: write kafka://broker:9092/orders") from None
    topic = parts.path.strip("/") or (parts.netloc if parts.scheme == "memory" else "")
    if not parts.scheme or not topic or "/" in topic:
        raise ConfigError(f"{where}: {shown!r} names no topic: write kafka://broker:9092/orders")
    said = parse_qsl(parts.query, keep_blank_values=True)
    own: dict[str, str | None] = {name: text for name, text in said if name in _OWN}
    own.update({name: text for name, text in options.items() if text is not None})
    rest = urlencode([(name, text) for name, text in said if name not in _OWN])
    plain = urlunsplit(parts._replace(query=rest))
    single, by_name = _events(events, where)
    format = _one_of(own.get("format"), "format", get_args(Format), where)
    start = _one_of(own.get("start"), "start", get_args(Start), where)
    found = Ingest(
        plain,
        _named(own.get("name") or topic, where),
        cast(Format, format),
        cast(Start, start),
        own.get("code"),
        single,
        by_name,
    )
    _check(found, where)
    return found


def declare_from_file(name: str, value: object, where: str) -> Ingest:
    """Return a topic as `[tool.ensue.ingest]` says it: a URL, or a table with `url` and options."""
    if isinstance(value, str):
        return declare(value, where=where, name=name)
    table = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    known = {"url", "event", "events", "format", "code", "start"}
    wrong = sorted(set(table) - known)
    if wrong or not isinstance(table.get("url"), str):
        missing = f"has no key {wrong[0]!r}" if wrong else "needs a url"
        raise ConfigError(
            f'{where} {missing}: write {name} = "kafka://broker:9092/orders", or a table of {_list(known)}'
        )
    if "event" in table and "events" in table:
        raise ConfigError(f"{where} has event and events: keep one of them")
    events = table.get("event", table.get("events"))
    if not _is_events(events):
        raise ConfigError(f"{where}: event is a code, events a list of codes or a table from type to code")
    texts = {key: table.get(key) for key in ("format", "code", "start")}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{where}: {key} is {text!r}, not text")
    return declare(
        str(table["url"]), cast("Events | None", events), where, name=name, **cast("dict[str, str | None]", texts)
    )


def _is_events(value: object) -> bool:
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, dict):
        return all(isinstance(each, str) for each in cast("dict[str, object]", value).values())
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _named(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: {name!r} cannot name a topic: use letters, digits, '.', '_' and '-', at most 249")
    return name


def _one_of(text: str | None, option: str, known: tuple[str, ...], where: str) -> str:
    if text is None:
        return known[0]
    if text not in known:
        raise ConfigError(f"{where}: {option} {text!r} is unknown: write {' or '.join(known)}")
    return text


def _events(events: Events | None, where: str) -> tuple[str | None, dict[str, Event[Any] | str]]:
    """Return the one code that all records have, if there is one, and what to do by name."""
    if events is None:
        return None, {}
    if isinstance(events, Event | str):
        code = _code(events, where)
        return code, {code: events}
    if isinstance(events, Mapping):
        for each in events.values():
            _code(each, where)
        return None, dict(events)
    return None, {_code(each, where): each for each in events}


def _code(event: Event[Any] | str, where: str) -> str:
    code = check_code(event if isinstance(event, str) else event.code, where)
    if code.endswith(".*"):
        raise ConfigError(f"{where}: {code!r} is a family of events: name one event, such as 'order.paid'")
    return code


def _check(found: Ingest, where: str) -> None:
    """Refuse what is written by half."""
    if found.code is not None and not _FIELD.fullmatch(found.code):
        raise ConfigError(f"{where}: code {found.code!r} is unclear: write field:path.to.it, header:name or topic")
    if found.format == "cloudevents" and found.code is not None:
        raise ConfigError(
            f"{where}: a CloudEvent's type is its code: leave code={found.code!r} out, or say format=json"
        )
    if found.format == "json" and found.code is None and found.single is None:
        raise ConfigError(
            f"{where}: plain JSON does not say which event it is: name one (event=), or say where its code stands "
            "(code=field:kind, code=header:kind or code=topic)"
        )

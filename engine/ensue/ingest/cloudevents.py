"""CloudEvents 1.0 in a topic's records: binary mode (attributes in `ce_` headers) and structured mode (one JSON)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

import msgspec

from ensue_core.topics import Message

__all__ = ["CloudEvent", "Unreadable", "read_cloudevent"]

NO_DATA = b"{}"
"""The payload of an event that brings none."""


class Unreadable(Exception):
    """A record that cannot become an event; its text is the reason."""


class CloudEvent(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent: its required attributes, the other ones as text, and its data as JSON bytes, not yet checked."""

    id: str
    source: str
    type: str
    attributes: dict[str, str]
    data: bytes


def read_cloudevent(message: Message, headers: Mapping[str, str]) -> CloudEvent:
    """Read a record in whichever mode it is. `headers` have names in lower case. Raises `Unreadable`."""
    content_type = headers.get("content-type", "")
    if content_type.startswith("application/cloudevents"):
        kind = _media(content_type)[0]
        if kind != "application/cloudevents+json":
            raise Unreadable(f"{kind} is not read here: send application/cloudevents+json, or binary mode")
        return _structured(message.value)
    if "ce_specversion" in headers:
        return _binary(message.value, headers, content_type)
    if content_type and _media(content_type)[0] != "application/json":
        raise Unreadable("it is no CloudEvent: there is no ce_specversion header")
    return _structured(message.value)  # some producers cannot set headers


def _binary(value: bytes | None, headers: Mapping[str, str], content_type: str) -> CloudEvent:
    attributes = {name[3:]: text for name, text in headers.items() if name.startswith("ce_")}
    if content_type:
        attributes["datacontenttype"] = content_type
    return _event(attributes, _json_of(value, content_type))


def _structured(value: bytes | None) -> CloudEvent:
    try:
        members = _members.decode(value or b"")
        said = [(name, raw) for name, raw in members.items() if name not in ("data", "data_base64")]
        attributes = {name: _text(raw) for name, raw in said if bytes(raw) != b"null"}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"it is no CloudEvent: its value is no JSON object ({error})") from None
    content_type = attributes.get("datacontenttype", "")
    if "data_base64" in members:
        if "data" in members:
            raise Unreadable("it has both data and data_base64")
        try:
            data = b64decode(_texts.decode(members["data_base64"]), validate=True)
        except (msgspec.MsgspecError, UnicodeDecodeError, Base64Error, ValueError) as error:
            raise Unreadable(f"its data_base64 cannot be read ({error})") from None
        return _event(attributes, _json_of(data, content_type))
    if "data" not in members:
        return _event(attributes, NO_DATA)
    kind = _media(content_type)[0]
    if not _is_json(kind) and not kind.startswith("text/"):
        raise Unreadable(f"its data is {kind}, not JSON")
    return _event(attributes, bytes(members["data"]))


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_texts = msgspec.json.Decoder(str)


def _text(raw: msgspec.Raw) -> str:
    """An attribute as text: numbers and booleans as they are written."""
    data = bytes(raw)
    return _texts.decode(data) if data.startswith(b'"') else data.decode()


def _event(attributes: dict[str, str], data: bytes) -> CloudEvent:
    version = attributes.pop("specversion", "")
    if version != "1.0":
        raise Unreadable(f"specversion {version!r} is not 1.0" if version else "it has no specversion")
    required: list[str] = []
    for name in ("id", "source", "type"):
        text = attributes.pop(name, "")
        if not text:
            raise Unreadable(f"it has no {name}, which every CloudEvent needs")
        required.append(text)
    id, source, type = required
    return CloudEvent(id, source, type, attributes, data)


def _json_of(value: bytes | None, content_type: str) -> bytes:
    """Return data as JSON bytes: text becomes a JSON string."""
    if not value:
        return NO_DATA
    kind, charset = _media(content_type)
    if _is_json(kind):
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise Unreadable(f"its data is JSON in {charset}, not UTF-8")
        return value
    if kind.startswith("text/"):
        try:
            return msgspec.json.encode(value.decode(charset or "utf-8"))
        except (LookupError, UnicodeError) as error:
            raise Unreadable(f"its data is no {content_type} ({error})") from None
    raise Unreadable(f"its data is {kind}, not JSON")


def _is_json(kind: str) -> bool:
    return not kind or kind.endswith(("/json", "+json"))


def _media(content_type: str) -> tuple[str, str]:
    """Return the media type and its charset, both in lower case."""
    if content_type == "application/json":
        return content_type, ""
    kind, *parameters = content_type.lower().split(";")
    for each in parameters:
        name, _, text = each.partition("=")
        if name.strip() == "charset":
            return kind.strip(), text.strip().strip('"')
    return kind.strip(), ""

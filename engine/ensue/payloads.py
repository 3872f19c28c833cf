"""Payloads on their way into the log: what `emit` accepts, whoever emits."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from ensue_core.errors import DeclarationError
from ensue_core.values import decode_as, encode

__all__ = ["EventLike", "encode_payload"]

T_co = TypeVar("T_co", covariant=True)


class EventLike(Protocol[T_co]):
    """An event's declaration: its code and the type of its payload."""

    @property
    def code(self) -> str:
        """The name it is recorded under."""
        ...

    @property
    def payload(self) -> type[T_co]:
        """The type payloads are decoded as."""
        ...


def encode_payload(event: EventLike[Any] | str, payload: object) -> tuple[str, bytes]:
    """Return the code and the exact bytes under which an event is recorded.

    Raises `BadValue` where the payload cannot be stored or does not fit the declared type,
    `DeclarationError` where the event names a family.
    """
    code = event if isinstance(event, str) else event.code
    if not code or code.endswith("*"):
        raise DeclarationError(f"{code!r} cannot be emitted: name one event, such as 'order.paid'")
    raw = encode(payload, f"payload of {code}")
    if not isinstance(event, str):
        decode_as(raw, event.payload, f"payload of {code}")
    return code, raw

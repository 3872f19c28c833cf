"""Events as users declare them: a code and the type of its payload, once, for emit and on_event alike."""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar, overload

from ensue_core.errors import DeclarationError

__all__ = ["Event", "check_code"]

T = TypeVar("T")
_CODE = re.compile(r"[^\s*\x00-\x1f\x7f]{1,255}")


class Event(Generic[T]):
    """A kind of event: `order_paid = Event("order.paid", OrderPaid)`.

    Without a type the payload is a dict. A code that ends in `.*` names a family, for `on_event` only.
    Raises `DeclarationError` for a code that is empty, has spaces, or has `*` anywhere else.
    """

    __slots__ = ("code", "payload")

    @overload
    def __init__(self: Event[dict[str, Any]], code: str) -> None: ...
    @overload
    def __init__(self, code: str, payload: type[T]) -> None: ...
    def __init__(self, code: str, payload: Any = dict[str, Any]) -> None:
        self.code: str = check_code(code, f"Event({code!r})")
        """The name it is recorded under."""
        self.payload: type[T] = payload
        """The type payloads are decoded as."""

    @property
    def family(self) -> bool:
        """Whether this names several codes (`orders.*`), and so cannot be emitted."""
        return self.code.endswith(".*")

    def __repr__(self) -> str:
        return f"Event({self.code!r}, {getattr(self.payload, '__name__', self.payload)})"


def check_code(code: object, where: str) -> str:
    """Return an event code, a family's too; raises `DeclarationError` where it is none."""
    plain = code.removesuffix(".*") if isinstance(code, str) else ""
    if not isinstance(code, str) or not _CODE.fullmatch(plain):
        raise DeclarationError(
            f"{where}: {code!r} is not an event code: write up to 255 letters without spaces such as "
            "'order.paid', or a family such as 'orders.*'"
        )
    return code

"""Whether two facts under one id say the same, or one of them is in conflict with what stands."""

from __future__ import annotations

import msgspec

from ensue_core.facts import EventEmitted, Fact, InvocationCreated
from ensue_core.values import canonical, decode


def same(one: Fact, other: Fact) -> bool:
    """Whether two facts of one id say the same: code and payload, task and arguments, or everything."""
    match one, other:
        case EventEmitted(), EventEmitted():
            return one.code == other.code and _same_value(one.payload, other.payload)
        case InvocationCreated(), InvocationCreated():
            return one.task == other.task and _same_value(one.arguments, other.arguments)
        case _:
            return one == other


def _same_value(one: msgspec.Raw, other: msgspec.Raw) -> bool:
    return bytes(one) == bytes(other) or canonical(decode(one)) == canonical(decode(other))

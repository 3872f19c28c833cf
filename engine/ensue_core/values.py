"""Values on their way in and out: JSON by msgspec, within limits, never pickle.

msgspec writes NaN and infinities as `null` and recurses without a bound, so both are refused here, before
anything is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, cast

import msgspec

from ensue_core.defaults import DEFAULTS
from ensue_core.errors import BadValue

Json = Any
"""What JSON decodes to without a type: dict, list, str, int, float, bool, None."""


def encode(value: object, what: str, bytes_max: int = DEFAULTS.payload_bytes_max) -> bytes:
    """Return the exact bytes that will be stored for a value.

    `what` names the value in errors ("payload of order.paid"). Raises `BadValue` where it is NaN or
    infinite, nested deeper than 64 levels, larger than `bytes_max`, or not encodable.
    """
    try:
        raw = _json.encode(value)
        _any.decode(raw)  # a Raw inside may hold anything
        if not _surely_fine(raw):
            check_plain(msgspec.to_builtins(value, enc_hook=_handles, str_keys=True), what)
    except RecursionError:
        raise BadValue(f"{what} is nested deeper than {DEFAULTS.nesting_max} levels: flatten it") from None
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise BadValue(f"{what} cannot be stored as JSON ({error}): use JSON types, a Struct or a dataclass") from None
    if len(raw) > bytes_max:
        raise BadValue(f"{what} has {len(raw)} bytes, more than {bytes_max}: store it elsewhere and pass a reference")
    return raw


def _handles(value: object) -> object:
    """Let a handle travel as its invocation's id, and JSON that is encoded already as what it says."""
    if isinstance(value, msgspec.Raw):
        return _any.decode(value)
    travel = getattr(value, "__ensue_value__", None)
    if callable(travel):
        return travel()
    raise TypeError(f"{type(value).__name__} has no JSON form")


_json = msgspec.json.Encoder(enc_hook=_handles)
_any = msgspec.json.Decoder()
_NESTING_MAX = DEFAULTS.nesting_max


def _surely_fine(raw: bytes) -> bool:
    """Whether a value's bytes alone show that it holds no NaN, which is written as null, and is not too deep."""
    if b"null" in raw:
        return False
    return len(raw) <= _NESTING_MAX or raw.count(b"[") + raw.count(b"{") <= _NESTING_MAX


def check_plain(plain: Json, what: str) -> None:
    """Refuse NaN, infinities and nesting past the limit in a value made of JSON types."""
    if type(plain) in (str, int, bool, type(None)):
        return
    level: list[Any] = [plain]
    for _ in range(DEFAULTS.nesting_max + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, float):
                if not math.isfinite(item):
                    raise BadValue(f"{what} holds {item}: JSON has no NaN or infinity, use None or a string")
            elif isinstance(item, dict):
                below.extend(cast("dict[str, Any]", item).values())
            elif isinstance(item, (list, tuple)):
                below.extend(cast("list[Any]", item))
        if not below:
            return
        level = below
    raise BadValue(f"{what} is nested deeper than {DEFAULTS.nesting_max} levels: flatten it")


def check_raw(raw: bytes, what: str, bytes_max: int = DEFAULTS.payload_bytes_max) -> None:
    """Check bytes that claim to be JSON (ingestion, CLI): size, depth, form.

    Raises `BadValue`.
    """
    if len(raw) > bytes_max:
        raise BadValue(f"{what} has {len(raw)} bytes, more than {bytes_max}: store it elsewhere and pass a reference")
    try:
        plain = msgspec.json.decode(raw)
        # JSON has no NaN and no infinity, so only depth is left to check, and few brackets cannot be deep.
        if raw.count(b"[") + raw.count(b"{") > DEFAULTS.nesting_max:
            check_plain(plain, what)
    except RecursionError:
        raise BadValue(f"{what} is nested deeper than {DEFAULTS.nesting_max} levels: flatten it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadValue(f"{what} is not JSON ({error})") from None


def decode(raw: bytes | msgspec.Raw) -> Json:
    """Decode stored bytes to JSON types."""
    return msgspec.json.decode(raw)


def decode_as(
    raw: bytes | msgspec.Raw, type_: Any, what: str, dec_hook: Callable[[type, Any], Any] | None = None
) -> Any:
    """Decode stored bytes as a declared type.

    Raises `BadValue` where they do not fit.
    """
    try:
        return msgspec.json.decode(raw, type=type_, dec_hook=dec_hook)
    except (msgspec.ValidationError, msgspec.DecodeError, NotImplementedError, RecursionError) as error:
        raise BadValue(f"{what} does not fit its declared type {_name(type_)}: {error}") from None


def convert(plain: Json, type_: Any, what: str, dec_hook: Callable[[type, Any], Any] | None = None) -> Any:
    """Turn JSON types into a declared type; raises `BadValue` where they do not fit."""
    try:
        return msgspec.convert(plain, type=type_, dec_hook=dec_hook, strict=type_ is not float)
    except (msgspec.ValidationError, NotImplementedError, RecursionError) as error:
        raise BadValue(f"{what} does not fit its declared type {_name(type_)}: {error}") from None


def plain(value: object, what: str) -> Json:
    """Return a value as JSON types, within limits."""
    return decode(encode(value, what, DEFAULTS.result_bytes_max))


def fields_of(value: object) -> Mapping[str, object] | None:
    """Return the named fields of a mapping, Struct or dataclass; None for anything else."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return dict(vars(value)) if hasattr(value, "__dict__") else msgspec.to_builtins(value)
    return None


def _name(type_: Any) -> str:
    return getattr(type_, "__qualname__", None) or str(type_)


def canonical(plain: Json) -> str:
    """Write JSON types in one form: keys sorted, type-strict (`1`, `1.0`, `true` and `"1"` differ)."""
    return msgspec.json.encode(_sorted(plain)).decode()


def _sorted(plain: Json) -> Json:
    if isinstance(plain, dict):
        table = cast("dict[str, Json]", plain)
        return {key: _sorted(table[key]) for key in sorted(table)}
    if isinstance(plain, list):
        return [_sorted(item) for item in cast("Sequence[Json]", plain)]
    return plain

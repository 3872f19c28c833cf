"""A task's signature as data: calls are bound, checked, encoded and decoded in a few calls into C.

The parameters become a msgspec Struct: making one binds a call, decoding one checks names and types at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import msgspec

from ensue.annotations import check_type, handle_result, holds_handle
from ensue.contexts import Arguments
from ensue.handles import Handle
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import ArgumentsMismatch, BadId, BadValue, DeclarationError
from ensue_core.ids import parse_id
from ensue_core.values import Json, encode, plain

__all__ = ["Codec", "Handles", "Shape"]

Handles = Callable[[str, Any], Any]
"""Makes the handle of an invocation from its id and the type of its result."""

_REQUIRED: Final[Any] = inspect.Parameter.empty


@final
class Shape:
    """The names of a signature: what a call must and may give. It needs no annotations."""

    __slots__ = ("_given", "defaults", "extra", "keywords", "names", "positional", "required", "task")

    def __init__(self, function: Callable[..., Any], task: str) -> None:
        self.task = task
        self.positional: list[str] = []
        self.keywords: list[str] = []
        self.defaults: dict[str, Any] = {}
        self.extra: str | None = None
        for each in inspect.signature(function).parameters.values():
            if each.kind is each.VAR_POSITIONAL:
                raise DeclarationError(
                    f"task {task!r} takes *{each.name}, and arguments are recorded by name: take a list "
                    "instead (a decorated function needs functools.wraps)"
                )
            if each.kind is each.VAR_KEYWORD:
                self.extra = each.name
                continue
            (self.keywords if each.kind is each.KEYWORD_ONLY else self.positional).append(each.name)
            if each.default is not _REQUIRED:
                self.defaults[each.name] = each.default
        self.names: tuple[str, ...] = (*self.positional, *self.keywords)
        self.required: frozenset[str] = frozenset(self.names) - frozenset(self.defaults)
        self._given = self.struct({}, dict.fromkeys(self.defaults, msgspec.UNSET))

    def struct(self, types: Mapping[str, Any], defaults: Mapping[str, Any], **options: Any) -> type[msgspec.Struct]:
        """Return a Struct with a field for each parameter, in the order of the signature."""

        def fields(names: list[str]) -> list[Any]:
            return [
                (name, types.get(name, Any), _field(defaults[name]))
                if name in defaults
                else (name, types.get(name, Any))
                for name in names
            ]

        base = msgspec.defstruct("Arguments", fields(self.positional), **options)
        if not self.keywords:
            return base
        return msgspec.defstruct("Arguments", fields(self.keywords), bases=(base,), kw_only=True, **options)

    def bind(
        self, struct: type[msgspec.Struct], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[msgspec.Struct, dict[str, Any]]:
        """Bind a call to a Struct of this shape, and what `**kwargs` takes; raises `ArgumentsMismatch`."""
        rest: dict[str, Any] = {}
        if self.extra:
            rest = {name: value for name, value in kwargs.items() if name not in self.names}
            kwargs = {name: value for name, value in kwargs.items() if name not in rest}
        try:
            return struct(*args, **kwargs), rest
        except TypeError as error:
            raise ArgumentsMismatch(self.task, self.why(args, kwargs) or str(error)) from None

    def args(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """Bind a call and return what was given, by name, without defaults."""
        bound, rest = self.bind(self._given, args, kwargs)
        return Arguments({**self.given(bound), **rest})

    def given(self, bound: msgspec.Struct) -> dict[str, Any]:
        """Return what a bound call holds, by name."""
        values = zip(self.names, msgspec.structs.astuple(bound), strict=True)
        return {name: value for name, value in values if value is not msgspec.UNSET}

    def why(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """Say why a call does not fit, or None where its names do."""
        takes = f"it takes {', '.join(self.names)}" if self.names else "it takes none"
        if len(args) > len(self.positional):
            return f"{len(args)} positional arguments for {len(self.positional)} parameters ({takes})"
        taken = self.positional[: len(args)]
        twice = [name for name in taken if name in kwargs]
        if twice:
            return f"{twice[0]!r} is given twice, by place and by name"
        if not self.extra and (unknown := [name for name in kwargs if name not in self.names]):
            return f"there is no parameter {', '.join(map(repr, unknown))} ({takes})"
        missing = [name for name in self.names if name in self.required and name not in kwargs and name not in taken]
        return f"{', '.join(map(repr, missing))} is missing ({takes})" if missing else None


def _field(default: Any) -> Any:
    """Return a Struct field's default that hands out the very object, as Python does."""
    if type(default) in (list, dict, set, bytearray) or isinstance(default, msgspec.Struct):
        return msgspec.field(default_factory=lambda: default)
    return default


_HANDLE: Final[type[Any]] = Handle


@final
class Codec:
    """The types of a signature: arguments to JSON and back."""

    __slots__ = (
        "_blank",
        "_decoder",
        "_full",
        "_plain_defaults",
        "_rest",
        "_typed",
        "handles",
        "shape",
        "what",
    )

    def __init__(self, shape: Shape, hints: Mapping[str, Any]) -> None:
        self.shape = shape
        self.what = f"arguments of {shape.task}"
        types = {
            name: check_type(hints.get(name, Any), f"parameter {name!r} of task {shape.task!r}") for name in shape.names
        }
        self.handles: tuple[str, ...] = tuple(name for name, type_ in types.items() if holds_handle(type_))
        rest = hints.get(shape.extra or "", Any)
        self._rest = check_type(rest, f"the keyword parameter of task {shape.task!r}")
        self._typed = shape.struct(types, shape.defaults, forbid_unknown_fields=not shape.extra)
        self._decoder = msgspec.json.Decoder(self._typed)
        self._blank = msgspec.json.Decoder(self._typed, dec_hook=_blank) if self.handles else self._decoder
        self._plain_defaults = _plain_defaults(shape.defaults)
        kept = {
            name: default if _comes_back(default, self._plain_defaults.get(name), types[name]) else msgspec.UNSET
            for name, default in shape.defaults.items()
        }
        self._full = shape.struct({}, kept)

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Bind a call with defaults, check it against the annotations, and return it as JSON bytes.

        Raises `ArgumentsMismatch` where names or types do not fit, `BadValue` where a value has no JSON form.
        Defaults that would not come back from JSON as themselves are left to the function.
        """
        bound, rest = self.shape.bind(self._full, args, kwargs)
        value: Any = {**self.shape.given(bound), **rest} if rest else bound
        raw = encode(value, self.what, DEFAULTS.result_bytes_max)
        self._check(raw)
        return raw

    def _check(self, raw: bytes) -> None:
        try:
            self._blank.decode(raw)
            if self.shape.extra:
                self._extra(raw)
        except (msgspec.MsgspecError, NotImplementedError, RecursionError) as error:
            raise ArgumentsMismatch(self.shape.task, _said(error)) from None

    def with_defaults(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """Return recorded arguments with the defaults of what is missing: what filters compare."""
        return {**self._plain_defaults, **arguments}

    def decode(self, raw: bytes, handles: Handles) -> tuple[list[Any], dict[str, Any]]:
        """Return recorded arguments as typed call arguments; raises `ArgumentsMismatch`."""
        try:
            if self.handles:
                typed = msgspec.json.decode(raw, type=self._typed, dec_hook=_opening(handles))
            else:
                typed = self._decoder.decode(raw)
            values = msgspec.structs.astuple(typed)
            count = len(self.shape.positional)
            keywords = dict(zip(self.shape.keywords, values[count:], strict=True)) if self.shape.keywords else {}
            if self.shape.extra:
                keywords |= self._extra(raw)
        except (msgspec.MsgspecError, NotImplementedError, RecursionError) as error:
            raise ArgumentsMismatch(self.shape.task, _said(error)) from None
        return list(values[:count]), keywords

    def opening(self, handles: Handles) -> Callable[[Any, Any], Any]:
        """Return the decoding hook that turns ids into handles."""
        return _opening(handles)

    def _extra(self, raw: bytes) -> dict[str, Any]:
        """Return what `**kwargs` takes, typed."""
        every: dict[str, Any] = msgspec.json.decode(raw)
        rest = {name: value for name, value in every.items() if name not in self.shape.names}
        return msgspec.convert(rest, type=dict[str, self._rest])  # type: ignore[name-defined]


def _said(error: Exception) -> str:
    """Say what msgspec found, the parameter first: `'count': expected `int`, got `str``."""
    what, _, path = str(error).rstrip("`").partition(" - at `$.")
    return f"{path!r}: {what[:1].lower()}{what[1:]}" if path else str(error)


def _id_of(value: Any) -> str:
    try:
        return parse_id(value)
    except (BadId, AttributeError):
        raise ValueError(f"Expected an invocation's id, got {value!r}") from None


def _blank(type_: Any, value: Any) -> Any:
    """Check a handle's id without an engine."""
    if not holds_handle(type_):
        return value
    _id_of(value)
    return object.__new__(_HANDLE)


def _opening(handles: Handles) -> Callable[[Any, Any], Any]:
    """Return the hook that turns ids into handles."""

    def hook(type_: Any, value: Any) -> Any:
        return handles(_id_of(value), handle_result(type_)) if holds_handle(type_) else value

    return hook


def _plain_defaults(defaults: Mapping[str, Any]) -> dict[str, Json]:
    """Return the defaults that have a JSON form."""
    found: dict[str, Json] = {}
    for name, default in defaults.items():
        try:
            found[name] = plain(default, f"default of {name}")
        except BadValue:
            continue
    return found


def _comes_back(default: Any, as_plain: Json, type_: Any) -> bool:
    """Whether a default survives JSON as itself, so that it can be recorded with each call."""
    try:
        back = msgspec.convert(as_plain, type=type_)
        return type(back) is type(default) and bool(back == default)
    except Exception:
        return False

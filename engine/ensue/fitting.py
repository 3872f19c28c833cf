"""Whether a trigger's arguments can fit: what is decidable before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ensue.declare import DeclaredTrigger
from ensue.signatures import Codec
from ensue_core.declarations import Fields, OnCron, OnEvent, Static, Subset
from ensue_core.errors import ArgumentsMismatch, BadValue, DeclarationError

__all__ = ["check_fit"]


def check_fit(trigger: DeclaredTrigger, codecs: Mapping[str, Codec]) -> None:
    """Refuse a trigger whose arguments cannot fit its task, or that asks for fields that are not there.

    Raises `ArgumentsMismatch` for the former, `DeclarationError` for the latter; both name the trigger.
    """
    spec = trigger.spec
    codec = codecs[spec.task]
    if not spec.providers:
        _check_names(trigger, codec, ())
    for provider in spec.providers:
        match provider:
            case Static():
                try:
                    codec.encode((), provider.values)
                except (ArgumentsMismatch, BadValue) as error:
                    raise ArgumentsMismatch(
                        spec.task, f"{_said(error)} (trigger {spec.id!r}, with_args_static)"
                    ) from None
            case Fields():
                _check_names(trigger, codec, provider.names)
                _check_source(trigger, provider, codecs)
            case _:
                pass
    _check_filters(trigger, codecs)


def _check_names(trigger: DeclaredTrigger, codec: Codec, names: tuple[str, ...]) -> None:
    why = codec.shape.why((), dict.fromkeys(names))
    if why is not None:
        hint = "" if names else "; give it arguments with with_args_..."
        raise ArgumentsMismatch(trigger.spec.task, f"{why} (trigger {trigger.spec.id!r}{hint})")


def _check_source(trigger: DeclaredTrigger, provider: Fields, codecs: Mapping[str, Codec]) -> None:
    """Refuse fields that none of the trigger's sources can have."""
    known: list[frozenset[str] | None] = []
    for name, condition in trigger.spec.conditions.items():
        match condition:
            case OnEvent() if provider.kind == "event":
                known.append(_field_names(trigger.payload_types.get(name, Any)))
            case OnEvent() | OnCron():
                if isinstance(condition, OnCron) and provider.kind == "cron":
                    known.append(frozenset({"timestamp", "last_execution"}))
            case _ if provider.kind in ("status", "exception"):
                watched = codecs.get(condition.task)
                more = {"exception_type", "exception_message"} if provider.kind == "exception" else set[str]()
                if watched is None or watched.shape.extra:
                    known.append(None)
                else:
                    known.append(frozenset(watched.shape.names) | more)
            case _:
                pass
    for field in provider.names:
        if known and all(names is not None and field not in names for names in known):
            has = ", ".join(sorted({each for names in known if names for each in names})) or "no fields"
            raise DeclarationError(
                f"trigger {trigger.spec.id!r} picks {field!r} with with_args_from_{provider.kind}, and there "
                f"is only {has}: pick one of these, or use a function"
            )


def _field_names(type_: Any) -> frozenset[str] | None:
    """Return the field names of a payload type, or None where they are not known."""
    info = msgspec.inspect.type_info(type_) if type_ is not Any else None
    match info:
        case msgspec.inspect.StructType() | msgspec.inspect.DataclassType():
            return frozenset(field.name for field in info.fields)
        case _:
            return None


def _check_filters(trigger: DeclaredTrigger, codecs: Mapping[str, Codec]) -> None:
    """Refuse an argument filter on a parameter that the watched task does not have: it would never pass."""
    for condition in trigger.spec.conditions.values():
        if isinstance(condition, (OnEvent, OnCron)):
            continue
        watched = codecs.get(condition.task)
        if watched is None or watched.shape.extra or not isinstance(condition.arguments, Subset):
            continue
        for path in condition.arguments.tests:
            if path.partition(".")[0] not in watched.shape.names:
                raise DeclarationError(
                    f"trigger {trigger.spec.id!r} filters calls of {condition.task!r} by {path!r}, and there "
                    f"is no such parameter: use one of {', '.join(watched.shape.names) or 'none'}"
                )


def _said(error: Exception) -> str:
    """Return an error's reason without what is said around it."""
    text = str(error)
    return text.partition(": ")[2].partition(";")[0] if isinstance(error, ArgumentsMismatch) else text

"""Whether a trigger's arguments can fit: what is decidable before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ensue.declare import DeclaredTrigger
from ensue.signatures import Codec
from ensue_core.declarations import Condition, Fields, OnCron, OnEvent, OnPoll, OnResult, Static, Subset
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
    for name, condition in spec.conditions.items():
        _check_filter(trigger, condition, codecs)
        _check_key(trigger, name, condition, codecs)


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
            case OnEvent() | OnCron() | OnPoll():
                if isinstance(condition, OnCron) and provider.kind == "cron":
                    known.append(frozenset({"timestamp", "last_execution"}))
            case _ if provider.kind in ("status", "exception"):
                more = {"exception_type", "exception_message"} if provider.kind == "exception" else set[str]()
                names = _parameters(codecs.get(condition.task))
                known.append(None if names is None else names | more)
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


def _check_filter(trigger: DeclaredTrigger, condition: Condition, codecs: Mapping[str, Codec]) -> None:
    """Refuse an argument filter on a parameter that the watched task does not have: it would never pass."""
    if isinstance(condition, (OnEvent, OnCron, OnPoll)) or not isinstance(condition.arguments, Subset):
        return
    names = _parameters(codecs.get(condition.task))
    for path in condition.arguments.tests:
        if names is not None and path.partition(".")[0] not in names:
            raise DeclarationError(
                f"trigger {trigger.spec.id!r} filters calls of {condition.task!r} by {path!r}, and there is "
                f"no such parameter: use one of {', '.join(sorted(names)) or 'none'}"
            )


def _check_key(trigger: DeclaredTrigger, name: str, condition: Condition, codecs: Mapping[str, Codec]) -> None:
    """Refuse a join key that no match can have."""
    if condition.key.kind != "path" or isinstance(condition, (OnCron, OnPoll)):
        return
    if isinstance(condition, OnEvent):
        names = _field_names(trigger.payload_types.get(name, Any))
    else:
        names = _parameters(codecs.get(condition.task))
        if names is not None and isinstance(condition, OnResult):
            names |= {"result"}
    if names is not None and condition.key.path.partition(".")[0] not in names:
        raise DeclarationError(
            f"trigger {trigger.spec.id!r} joins by {condition.key.path!r}, and there is only "
            f"{', '.join(sorted(names)) or 'nothing'}: use one of these, or .by(None)"
        )


def _parameters(codec: Codec | None) -> frozenset[str] | None:
    """Return the parameter names of a watched task, or None where any may be given."""
    return None if codec is None or codec.shape.extra else frozenset(codec.shape.names)


def _said(error: Exception) -> str:
    """Return an error's reason without what is said around it."""
    text = str(error)
    return text.partition(": ")[2].partition(";")[0] if isinstance(error, ArgumentsMismatch) else text

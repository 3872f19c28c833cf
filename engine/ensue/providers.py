"""Where a reaction's arguments come from: each `with_args_...` checked and turned into data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ensue.functions import function_ref
from ensue.rules import Given, Question, named
from ensue_core.declarations import ContextKind, Fields, Provided, Provider, Static
from ensue_core.errors import BadValue, DeclarationError
from ensue_core.values import plain

__all__ = ["kinds_of", "provider_of", "serves"]

_KINDS: Mapping[str, frozenset[ContextKind]] = {
    "on_event": frozenset({"event"}),
    "on_status": frozenset({"status"}),
    "on_success": frozenset({"status", "result"}),
    "on_result": frozenset({"status", "result"}),
    "on_any_result": frozenset({"status", "result"}),
    "on_exception": frozenset({"status", "exception"}),
    "on_cron": frozenset({"cron"}),
    "on_poll": frozenset({"poll"}),
}
_FAILURE: frozenset[ContextKind] = frozenset({"status", "exception"})


def kinds_of(question: Question, failed: bool = False) -> frozenset[ContextKind]:
    """Return the kinds of context a condition brings; `failed` where on_any_result sees a failure."""
    return _FAILURE if failed and question.call == "on_any_result" else _KINDS[question.call]


def serves(providers: Sequence[Provider], kinds: Collection[ContextKind]) -> bool:
    """Whether some provider can make arguments from participants of these kinds."""
    return any(isinstance(each, Static) or each.kind == "run" or each.kind in kinds for each in providers)


def provider_of(given: Given, where: str) -> tuple[Provider, dict[str, Callable[..., Any]]]:
    """Return one `with_args_...` as data, and the function it names, if any.

    Raises a `DeclarationError` that names `where` for what is neither a mapping, a function nor field names.
    """
    if given.kind == "static":
        return _static(given.values, where), {}
    what = f"with_args_from_{given.kind}"
    if given.values and all(isinstance(each, str) for each in given.values) and given.kind != "run":
        names: tuple[str, ...] = given.values
        bad = [name for name in names if not name.isidentifier()]
        if bad or len(set(names)) < len(names):
            raise DeclarationError(
                f"{what} of {where} picks {', '.join(map(repr, names))}: name each parameter once, as in the "
                "signature; for anything else use a function"
            )
        return Fields(given.kind, names), {}
    if len(given.values) != 1 or isinstance(given.values[0], str):
        raise DeclarationError(f"{what} of {where} needs one function of the context, or names of fields: give it one")
    ref, function = function_ref(given.values[0], f"the function of {what}", where)
    return Provided(given.kind, ref), {ref.name: function}


def _static(values: tuple[Any, ...], where: str) -> Static:
    arguments = named(values[0])
    if arguments is None:
        raise DeclarationError(
            f"with_args_static of {where} needs a mapping of arguments by parameter name, not {values[0]!r}: "
            "write {'name': value}"
        )
    try:
        return Static(plain(dict(arguments), f"with_args_static of {where}"))
    except BadValue as error:
        raise DeclarationError(str(error)) from None

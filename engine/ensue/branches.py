"""Normalising a rule: nested `&` and `|` become branches, each a list of questions that must all hold."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ensue.rules import Alternatives, Built, Node, Question, Together
from ensue_core.durations import micros
from ensue_core.errors import BadDuration, DeclarationError, EmptyTrigger

__all__ = ["BRANCHES_MAX", "Draft", "branches_of"]

BRANCHES_MAX = 64
"""How many alternatives one trigger may have once it is written out."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A branch to be: its questions in declaration order, and its window in microseconds if it has one."""

    questions: tuple[Question, ...]
    within: int | None = None


def branches_of(node: Node, where: str) -> tuple[Draft, ...]:
    """Write a tree out as alternatives of joins, in declaration order.

    Raises `EmptyTrigger` for a tree without questions, `BadDuration` for a window that is none, and
    `DeclarationError` for more than 64 branches, a bad logic word, or a window inside a join or without one.
    """
    match node:
        case Question():
            return (Draft((node,)),)
        case Built():
            return branches_of(_combined(node, where), where)
        case Alternatives():
            drafts = tuple(draft for part in node.parts for draft in branches_of(part, where))
            _bound(len(drafts), where)
        case Together():
            drafts = _product([branches_of(part, where) for part in node.parts], where)
    if not drafts:
        raise EmptyTrigger(f"{where} waits for nothing: add a condition such as .on_event(...) or .on_status(...)")
    return _bounded(drafts, node.within, where)


def _combined(node: Built, where: str) -> Node:
    """Read the builder's logic word."""
    word = node.logic.lower() if isinstance(node.logic, str) else node.logic
    if word not in ("and", "or"):
        raise DeclarationError(f'{where}: with_logic({node.logic!r}) is not a logic: write "and" or "or"')
    if len(node.parts) == 1 and node.within is None:
        return node.parts[0]
    return (Together if word == "and" else Alternatives)(node.parts, node.within)


def _product(parts: list[tuple[Draft, ...]], where: str) -> tuple[Draft, ...]:
    """Distribute a join over the alternatives inside it."""
    if any(draft.within is not None for part in parts for draft in part):
        raise DeclarationError(
            f"{where} has .within inside a larger join: one window bounds a whole join, so put it after the "
            "outermost parenthesis"
        )
    if not parts:
        return ()
    _bound(prod(len(part) for part in parts), where)
    drafts = [Draft(())]
    for part in parts:
        drafts = [Draft((*draft.questions, *other.questions)) for draft in drafts for other in part]
    return tuple(drafts)


def _bounded(drafts: tuple[Draft, ...], within: object, where: str) -> tuple[Draft, ...]:
    """Give a window to the joins that have none of their own."""
    if within is None:
        return drafts
    try:
        window = micros(within)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except (BadDuration, AttributeError):
        raise BadDuration(within, f"{where}, .within(...)") from None
    if not any(len(draft.questions) > 1 for draft in drafts):
        raise DeclarationError(
            f"{where} has .within and nothing to join: it bounds conditions joined with &, remove it"
        )
    return tuple(
        Draft(draft.questions, window) if draft.within is None and len(draft.questions) > 1 else draft
        for draft in drafts
    )


def _bound(count: int, where: str) -> None:
    if count > BRANCHES_MAX:
        raise DeclarationError(
            f"{where} has {count} alternatives once written out, more than {BRANCHES_MAX}: split it into "
            "several triggers"
        )

"""Rules become data: a trigger's spec, and the functions and types that stay in this process."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ensue.asking import Asked, ask
from ensue.branches import Draft, branches_of
from ensue.providers import kinds_of, provider_of, serves
from ensue.rules import Question, Rule
from ensue.sentences import sentence
from ensue_core.declarations import (
    Branch,
    Condition,
    ContextKind,
    OnCron,
    OnEvent,
    OnPoll,
    Provider,
    Start,
    TriggerSpec,
    condition_id,
)
from ensue_core.defaults import DEFAULTS, SECOND
from ensue_core.errors import DeclarationError, JoinWithoutKey

__all__ = ["DeclaredTrigger", "declare"]


@dataclass(frozen=True, slots=True)
class DeclaredTrigger:
    """A trigger as data, and what stays in this process: its functions by recorded name, its events' types.

    `payload_types` is by condition id, `Any` for events given by plain code. `plain_tasks` are the watched
    tasks that were named by text and so must exist in the program.
    """

    spec: TriggerSpec
    functions: Mapping[str, Callable[..., Any]]
    payload_types: Mapping[str, Any]
    plain_tasks: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Draw:
    """What a trigger's branches need, collected while they are drawn."""

    conditions: dict[str, Condition] = field(default_factory=dict[str, Condition])
    branches: list[Branch] = field(default_factory=list[Branch])
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    payload_types: dict[str, Any] = field(default_factory=dict[str, Any])
    plain_tasks: set[str] = field(default_factory=set[str])


def declare(task: str, place: int, rule: Rule) -> DeclaredTrigger:
    """Check one rule of one task and return it as data.

    Its id is the task's name, and the trigger's own name or else its place in the task's list, from 0.
    Raises a `DeclarationError` that names the trigger, and with it the task.
    """
    id_ = f"{task}/{_name(task, place, rule.name)}"
    where = f"trigger {id_!r}"
    draw = _Draw()
    drafts = branches_of(rule.node, where)
    providers: list[Provider] = []
    for given in rule.given:
        provider, functions = provider_of(given, where)
        providers.append(provider)
        draw.functions.update(functions)
    for draft in drafts:
        _draw_branch(draw, draft, providers, where)
    start, start_time = _start(rule.start, where)
    spec = TriggerSpec(
        id=id_,
        task=task,
        conditions=draw.conditions,
        branches=tuple(draw.branches),
        providers=tuple(providers),
        start=start,
        start_time=start_time,
        sentence=sentence(draw.conditions, draw.branches),
    )
    return DeclaredTrigger(spec, draw.functions, draw.payload_types, frozenset(draw.plain_tasks))


def _draw_branch(draw: _Draw, draft: Draft, providers: Sequence[Provider], where: str) -> None:
    """Add a branch and its conditions; one that says the same as an earlier one is left out."""
    found: dict[str, Asked] = {}
    for question in draft.questions:
        asked = ask(question, where, failures=_asks_failures(question, draft.questions, providers))
        found.setdefault(condition_id(asked.condition), asked)
    _check_served(draft, providers, [each.condition for each in found.values()], where)
    if len(found) > 1:
        _check_keys([each.condition for each in found.values()], where)
    if any(set(found) == set(branch.conditions) for branch in draw.branches):
        return
    default = round(DEFAULTS.join_window_seconds * SECOND)
    within = draft.within if draft.within is not None and len(found) > 1 else default
    draw.branches.append(Branch(tuple(found), within))
    for name, asked in found.items():
        draw.conditions[name] = asked.condition
        draw.functions.update(asked.functions)
        if isinstance(asked.condition, OnEvent):
            draw.payload_types[name] = asked.payload_type
        if asked.plain_task is not None:
            draw.plain_tasks.add(asked.plain_task)


def _asks_failures(question: Question, together: Sequence[Question], providers: Sequence[Provider]) -> bool:
    """Whether `on_any_result` is asked about failures: not where no provider could use one."""
    if not providers or question.call != "on_any_result":
        return True
    return serves(providers, _kinds(together, failed=question))


def _kinds(together: Sequence[Question], failed: Question | None = None) -> frozenset[ContextKind]:
    return frozenset(kind for each in together for kind in kinds_of(each, failed is each))


def _check_served(draft: Draft, providers: Sequence[Provider], conditions: Sequence[Condition], where: str) -> None:
    """Refuse a branch that would always fire without arguments although some were provided."""
    if providers and not serves(providers, _kinds(draft.questions)):
        names = {str(place): condition for place, condition in enumerate(conditions)}
        said = sentence(names, [Branch(tuple(names), 0)])
        raise DeclarationError(
            f"{where} has no arguments for {said!r}: no with_args_... of it takes that kind of context, add "
            "one that does, or make it a trigger of its own"
        )


def _check_keys(conditions: Sequence[Condition], where: str) -> None:
    """Refuse a join whose conditions do not say how they pair."""
    said = "; ".join(sentence({"": each}, [Branch(("",), 0)]) for each in conditions)
    kinds = {each.key.kind for each in conditions}
    if kinds == {"source"}:
        watched = {None if isinstance(each, (OnEvent, OnCron, OnPoll)) else each.task for each in conditions}
        if None in watched or len(watched) > 1:
            raise JoinWithoutKey(where, said)
    elif "source" in kinds:
        raise JoinWithoutKey(where, said)
    elif len(kinds) > 1:
        raise DeclarationError(
            f"{where} joins .by(None) with .by(path), which never pair ({said}): use one or the other on all"
        )


_NAME = re.compile(r"[\w][\w.:-]{0,99}")


def _name(task: str, place: int, name: object) -> str:
    if name is None:
        return str(place)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.isdigit():
        raise DeclarationError(
            f"trigger {place} of task {task!r}: {name!r} is not a name: write letters, digits, _ . : or -, "
            "and not digits alone, which are places"
        )
    return name


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _start(start: Any, where: str) -> tuple[Start, int | None]:
    """Return from when a trigger counts, as a word or position, or as a log time."""
    match start:
        case None | "now" | "beginning":
            return start, None
        case bool():
            pass
        case int() if start >= 0:
            return start, None
        case datetime() if start.tzinfo is not None:
            return None, (start - _EPOCH) // timedelta(microseconds=1)
        case datetime():
            raise DeclarationError(f"{where}: .starting({start}) has no time zone: pass an aware datetime, in UTC say")
        case _:
            pass
    raise DeclarationError(
        f'{where}: .starting({start!r}) is not a start: write "now", "beginning", a position or a datetime'
    )

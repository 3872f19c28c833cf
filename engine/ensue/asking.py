"""One condition as data: each `on_...` call checked and turned into what the log records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from croniter import CroniterError, croniter

from ensue.events import Event, check_code
from ensue.filters import as_filter
from ensue.functions import qualified_name
from ensue.polls import poll_every, poll_ref
from ensue.rules import MISSING, Question, Watched, is_mapping, several
from ensue_core.declarations import SOURCE, Condition, OnCron, OnEvent, OnException, OnPoll, OnResult, OnStatus
from ensue_core.errors import BadCron, BadFilter, DeclarationError, EmptyTrigger, UnknownStatus
from ensue_core.statuses import Status

__all__ = ["Asked", "ask", "check_cron"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition as data, and what goes with it: functions, an event's type, a task named by plain text."""

    condition: Condition
    functions: Mapping[str, Callable[..., Any]]
    payload_type: Any = None
    plain_task: str | None = None


def ask(question: Question, where: str, failures: bool = True) -> Asked:
    """Return a question as data.

    `failures` says whether `on_any_result` is asked about failures too. Raises a `DeclarationError` that
    names `where` for whatever is wrong with it.
    """
    if question.key is not None and question.key.kind == "path":
        _check_path(question.key.path, where)
    if question.call == "on_event":
        return _event(question, where)
    if question.call == "on_cron":
        return _cron(question, where)
    if question.call == "on_poll":
        return _poll(question, where)
    key = question.key or SOURCE
    given = question.options
    task, plain_task = _task(question.watched, question.call, where)
    arguments, functions = _arguments(given["arguments"], where)
    condition: Condition
    match question.call:
        case "on_status":
            condition = OnStatus(task, _statuses(given["statuses"], task, where), arguments, key)
        case "on_success":
            condition = OnResult(task, arguments=arguments, key=key)
        case "on_any_result":
            condition = OnResult(task, failures=failures, arguments=arguments, key=key)
        case "on_result":
            if given["filter"] is MISSING:
                raise BadFilter(f"{where}: on_result({task}) needs filter_result: give a value, or use on_success")
            result, more = as_filter(given["filter"], "the result filter", where, none_is_value=True)
            condition, functions = OnResult(task, result, arguments=arguments, key=key), {**functions, **more}
        case "on_exception":
            condition = OnException(task, _types(given["types"], task, where), arguments, key)
    return Asked(condition, functions, plain_task=plain_task)


def _event(question: Question, where: str) -> Asked:
    event = question.watched
    if not isinstance(event, str) and not _is_event(event):
        raise DeclarationError(f"{where}: on_event({event!r}) watches no event: give it an Event or a code")
    code = check_code(event if isinstance(event, str) else event.code, where)
    payload, functions = as_filter(question.options["filter"], "the payload filter", where)
    return Asked(
        OnEvent(code, payload, question.key or SOURCE),
        functions,
        Any if isinstance(event, str) else event.payload,
    )


def _check_path(path: object, where: str) -> None:
    if not isinstance(path, str) or not all(path.split(".")):
        raise DeclarationError(
            f'{where}: .by({path!r}) is not a path: write field names with dots between, as in "order.id"'
        )


def _is_event(event: object) -> TypeGuard[Event[Any]]:
    return isinstance(event, Event)


def _task(watched: object, call: str, where: str) -> tuple[str, str | None]:
    """Return a watched task's name, and the same where it was given as plain text."""
    if isinstance(watched, Watched):
        return watched.name, None
    if isinstance(watched, str) and watched:
        return watched, watched
    hint = "decorate it with @tasks.task" if callable(watched) else "give it a task, a TaskRef or a task's name"
    name = getattr(watched, "__name__", repr(watched))
    raise DeclarationError(f"{where}: {call}({name}) watches no task: {hint}")


def _arguments(user: object, where: str) -> tuple[Any, Mapping[str, Callable[..., Any]]]:
    what = "the filter call_arguments"
    if not (user is None or is_mapping(user) or callable(user)):
        raise BadFilter(f"{what} of {where} is {user!r}: give it a mapping of arguments or a function of them")
    return as_filter(user, what, where)


def _statuses(user: object, task: str, where: str) -> tuple[Status, ...]:
    given = several(user)
    if not given:
        raise EmptyTrigger(f"{where}: on_status({task}) has an empty list of statuses: name at least one")
    found: set[Status] = set()
    for each in given:
        try:
            found.add(Status(each.upper() if isinstance(each, str) else each))
        except ValueError:
            raise UnknownStatus(each, f"{where}, on_status({task})") from None
    return tuple(status for status in Status if status in found)


_TYPE_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _types(user: object, task: str, where: str) -> tuple[str, ...]:
    """Return exception types as recorded: classes by their whole name, names as they were written."""
    if user is None:
        return ()
    given = several(user)
    if not given:
        raise EmptyTrigger(f"{where}: on_exception({task}) has an empty list of types: name one, or leave it out")
    found: set[str] = set()
    for each in given:
        if isinstance(each, type) and issubclass(each, BaseException):
            found.add(qualified_name(each))
        elif isinstance(each, str) and _TYPE_NAME.fullmatch(each):
            found.add(each)
        else:
            raise DeclarationError(
                f"{where}: on_exception({task}) cannot wait for {each!r}: use exception classes or names"
            )
    return tuple(sorted(found))


def _cron(question: Question, where: str) -> Asked:
    expression, given = question.watched, question.options
    if given["timezone"] != "UTC":
        raise BadCron(expression, f"timezone {given['timezone']!r} is not supported, only 'UTC' yet", where)
    if given["catchup"] not in ("none", "latest", "all"):
        raise BadCron(expression, f"catchup {given['catchup']!r} is none of 'none', 'latest' and 'all'", where)
    if question.key is not None and question.key.kind == "path":
        raise DeclarationError(f"{where}: a schedule has nothing at {question.key.path!r} to pair by: write .by(None)")
    text = check_cron(expression, where)
    return Asked(OnCron(text, catchup=given["catchup"], key=question.key or SOURCE), {})


def _poll(question: Question, where: str) -> Asked:
    given = question.options
    ref, function = poll_ref(question.watched, where)
    if not isinstance(given["allow_concurrent"], bool):
        raise DeclarationError(
            f"{where}: on_poll(allow_concurrent={given['allow_concurrent']!r}) is no yes or no: write True or False"
        )
    every = poll_every(given["every"], where)
    return Asked(OnPoll(ref, every, given["allow_concurrent"], question.key or SOURCE), {ref.name: function})


_HASHED = re.compile(r"(^|[\s,/-])[hr](\(|$|[\s,/])", re.IGNORECASE)
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def check_cron(expression: object, where: str = "") -> str:
    """Return a cron expression with single spaces.

    Raises `BadCron` for one that cannot be read, or whose time never comes.
    """
    if not isinstance(expression, str):
        raise BadCron(expression, "it is not text", where)
    text = " ".join(expression.split())
    fields = text.split(" ")
    if not text.startswith("@"):
        if len(fields) not in (5, 6):
            raise BadCron(expression, f"it has {len(fields) if text else 0} fields", where)
        if _HASHED.search(text):
            raise BadCron(expression, "R and H mean another time on every machine", where)
    try:
        croniter(text, _SOME_DAY, second_at_beginning=True).get_next()
    except (CroniterError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = "no such day ever comes" if "failed to find" in str(error) else str(error).rstrip(".")
        raise BadCron(expression, "there is no such alias" if text.startswith("@") else why, where) from None
    return text

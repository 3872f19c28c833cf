"""`ensue events | runs | invocations | problems`: listing them, and showing one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from rich.text import Text

from ensue.queries import EventView, InvocationView, Page, ProblemView, RunView
from ensue_adapters.cli import correct
from ensue_adapters.cli.details import show_event, show_invocation, show_run
from ensue_adapters.cli.options import COMMON, AsOf, Common, looking, moment_of
from ensue_adapters.cli.output import (
    Column,
    brief,
    dim,
    lasting,
    print_json,
    print_json_line,
    print_table,
    say,
    times,
    worded,
)

T = TypeVar("T")

Code = Annotated[str | None, Parameter(help="Only events with this code; a family ends in `.*`.")]
Since = Annotated[str | None, Parameter(help="Only from this time on: ISO 8601, or how long ago (15m).")]
Until = Annotated[str | None, Parameter(help="Only before this time.")]
Limit = Annotated[int, Parameter(help="How many to show, newest first.")]
Cursor = Annotated[str | None, Parameter(help="Go on where the page before ended.")]
All = Annotated[bool, Parameter(name="--all", help="Show all there are.", negative="")]
TaskName = Annotated[str | None, Parameter(help="Only of this task.")]
TriggerName = Annotated[str | None, Parameter(help="Only of this trigger.")]

events = App(name="events", help="Events: which came, and what came of them.")
runs = App(name="runs", help="Trigger runs: what fired, and who took part.")
invocations = App(name="invocations", help="Invocations: which tasks were called, and how it went.")


problems = App(name="problems", help="Problems: what triggers could not do, and why.")


@events.default
@events.command(name="list")
async def list_events(
    *,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    matched: Annotated[bool | None, Parameter(help="Only those that satisfied some condition, or none.")] = None,
    triggered: Annotated[bool | None, Parameter(help="Only those that took part in a run, or in none.")] = None,
    emitter: Annotated[str | None, Parameter(help="Only those that this invocation emitted.")] = None,
    task: Annotated[str | None, Parameter(help="Only those that this task emitted.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    all_: All = False,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """List events, newest first."""
    async with looking(common, as_of) as engine:
        since_, until_ = moment_of(since), moment_of(until)

        async def page(cursor: str | None, limit: int) -> Page[EventView]:
            return await engine.events.list(
                code=code, since=since_, until=until_, matched=matched, triggered=triggered,
                emitter=emitter, task=task, cursor=cursor, limit=limit,
            )  # fmt: skip

        await _print_list(page, _print_events, limit, cursor, all_, common)


def _print_events(found: Sequence[EventView]) -> None:
    columns = (
        Column("TIME (UTC)"), Column("CODE", wraps=True), Column("MATCHED", right=True), Column("RUNS", right=True),
        Column("ID"), Column("KEY", wide=True), Column("EMITTED BY", wide=True),
    )  # fmt: skip
    rows = [
        (
            time, each.code, _count(each.matched), _count(each.triggered), dim(each.id), each.key or "",
            each.emitter_task or "",
        )
        for time, each in zip(times([each.time for each in found]), found, strict=True)
    ]  # fmt: skip
    print_table(columns, rows, empty="no events fit")


@events.command(name="show")
async def show_one_event(id: str, /, *, as_of: AsOf = None, common: Common = COMMON) -> None:
    """Show one event: its payload and its runs."""
    async with looking(common, as_of) as engine:
        found = await engine.events.get(id)
        if common.json:
            print_json(found)
        else:
            show_event(found)


@runs.default
@runs.command(name="list")
async def list_runs(
    *,
    event: Annotated[str | None, Parameter(help="Only those in which this event took part.")] = None,
    source: Annotated[str | None, Parameter(help="As --event, for an invocation or a slot.")] = None,
    invocation: Annotated[str | None, Parameter(help="Only the one that created this invocation.")] = None,
    trigger: TriggerName = None,
    task: TaskName = None,
    outcome: Annotated[str | None, Parameter(help="Only fired, failed or `too deep`.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    all_: All = False,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """List trigger runs, newest first."""
    async with looking(common, as_of) as engine:
        since_, until_ = moment_of(since), moment_of(until)

        async def page(cursor: str | None, limit: int) -> Page[RunView]:
            return await engine.runs.list(
                event=event, source=source, invocation=invocation, trigger=trigger, task=task, outcome=outcome,
                since=since_, until=until_, cursor=cursor, limit=limit,
            )  # fmt: skip

        await _print_list(page, _print_runs, limit, cursor, all_, common)


def _print_runs(found: Sequence[RunView]) -> None:
    columns = (
        Column("TIME (UTC)"), Column("TRIGGER", wraps=True), Column("OUTCOME"), Column("ID"),
        Column("INVOCATION", wide=True), Column("BY HAND", wide=True),
    )  # fmt: skip
    rows = [
        (time, each.trigger, worded(each.outcome), dim(each.id), dim(each.invocation), each.author or "")
        for time, each in zip(times([each.time for each in found]), found, strict=True)
    ]
    print_table(columns, rows, empty="no runs fit")


@runs.command(name="show")
async def show_one_run(id: str, /, *, as_of: AsOf = None, common: Common = COMMON) -> None:
    """Show one run: who took part, and with which arguments it fired."""
    async with looking(common, as_of) as engine:
        found = await engine.runs.get(id)
        if common.json:
            print_json(found)
        else:
            show_run(found)


@invocations.default
@invocations.command(name="list")
async def list_invocations(
    *,
    task: TaskName = None,
    status: Annotated[tuple[str, ...], Parameter(help="Only in this status; may be said again.")] = (),
    trigger: TriggerName = None,
    emitter: Annotated[str | None, Parameter(help="Only those that this invocation submitted.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    all_: All = False,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """List invocations, newest first."""
    async with looking(common, as_of) as engine:
        since_, until_ = moment_of(since), moment_of(until)

        async def page(cursor: str | None, limit: int) -> Page[InvocationView]:
            return await engine.invocations.list(
                task=task, status=status, trigger=trigger, emitter=emitter, since=since_, until=until_,
                cursor=cursor, limit=limit,
            )  # fmt: skip

        await _print_list(page, _print_invocations, limit, cursor, all_, common)


def _print_invocations(found: Sequence[InvocationView]) -> None:
    columns = (
        Column("TIME (UTC)"), Column("TASK", wraps=True), Column("STATUS"), Column("TOOK", right=True),
        Column("ID"), Column("TRIES", right=True, wide=True), Column("ERROR", wide=True, wraps=True),
    )  # fmt: skip
    rows = [
        (time, each.task, worded(each.status), _took(each), dim(each.id), _count(each.attempts), brief(each.error_type))
        for time, each in zip(times([each.registered for each in found]), found, strict=True)
    ]
    print_table(columns, rows, empty="no invocations fit")


@invocations.command(name="show")
async def show_one_invocation(id: str, /, *, as_of: AsOf = None, common: Common = COMMON) -> None:
    """Show one invocation: arguments, result or error, attempts, history."""
    async with looking(common, as_of) as engine:
        found = await engine.invocations.get(id)
        if common.json:
            print_json(found)
        else:
            show_invocation(found)


def _count(number: int) -> Text:
    return Text(str(number)) if number else Text("-", style="dim")


def _took(each: InvocationView) -> str:
    return lasting((each.ended - each.started).total_seconds()) if each.ended and each.started else ""


@problems.default
@problems.command(name="list")
async def list_problems(
    *,
    trigger: TriggerName = None,
    kind: Annotated[str | None, Parameter(help="Only this kind of fact, such as ConditionFailed.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    all_: All = False,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """List what triggers could not do, newest first."""
    async with looking(common, as_of) as engine:

        async def page(cursor: str | None, limit: int) -> Page[ProblemView]:
            return await engine.problems.list(trigger=trigger, kind=kind, cursor=cursor, limit=limit)

        await _print_list(page, _print_problems, limit, cursor, all_, common)


def _print_problems(found: Sequence[ProblemView]) -> None:
    columns = (
        Column("TIME (UTC)"), Column("PROBLEM"), Column("TRIGGER", wraps=True), Column("REASON"),
        Column("ERROR", wraps=True), Column("POSITION", right=True),
    )  # fmt: skip
    rows = [
        (time, each.kind, each.trigger, each.reason, each.error, str(each.position))
        for time, each in zip(times([each.time for each in found]), found, strict=True)
    ]
    print_table(columns, rows, empty="no problems")


events.command(correct.reemit)
runs.command(correct.retry_runs, name="retry")
invocations.command(correct.retry_invocations, name="retry")
invocations.command(correct.cancel_invocations, name="cancel")
problems.command(correct.retry_problems, name="retry")


async def _print_list(
    page: Callable[[str | None, int], Awaitable[Page[T]]],
    print_people: Callable[[Sequence[T]], None],
    limit: int,
    cursor: str | None,
    everything: bool,
    common: Common,
) -> None:
    """Print a page, or all of them: JSON lines as they come, a table at the end."""
    if not everything:
        first = await page(cursor, limit)
        if common.json:
            for each in first.items:
                print_json_line(each)
        else:
            print_people(first.items)
        if first.next is not None:
            say(f"more: --cursor {first.next} (or --all)")
        return
    found: list[T] = []
    async for each in _all(page, cursor):
        if common.json:
            print_json_line(each)
        else:
            found.append(each)
    if not common.json:
        print_people(found)


async def _all(page: Callable[[str | None, int], Awaitable[Page[T]]], cursor: str | None) -> AsyncIterator[T]:
    while True:
        found = await page(cursor, 500)
        for each in found.items:
            yield each
        if found.next is None:
            return
        cursor = found.next

"""Correction after the fact: `events reemit`, `invocations retry`, `runs retry`, `problems retry`. A dry run first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ensue.engine import Engine
from ensue.replay.corrections import Corrected
from ensue_adapters.cli.options import COMMON, Common, Json, UsageError, author, moment_of, opened, read_json
from ensue_adapters.cli.output import Column, dim, print_json_line, print_table, say, worded

FOUND_MAX = 10_000
"""How many things a filter may find at once."""

Yes = Annotated[bool, Parameter(help="Do it; without this, only say what would be done.", negative="")]
Ids = Annotated[str, Parameter(help="These; or leave them out and say which by the options.")]
Since = Annotated[str | None, Parameter(help="Only from this time on: ISO 8601, or how long ago (15m).")]
Until = Annotated[str | None, Parameter(help="Only before this time.")]


async def reemit(
    *ids: Ids,
    code: Annotated[str | None, Parameter(help="Events with this code; a family ends in `.*`.")] = None,
    since: Since = None,
    until: Until = None,
    payload: Annotated[Json | None, Parameter(help="Emit this payload in place of the old one.")] = None,
    merge: Annotated[
        Json | None, Parameter(help="Emit the old payload with these fields set (null removes one).")
    ] = None,
    yes: Yes = False,
    common: Common = COMMON,
) -> int:
    """Emit events again, perhaps edited, where nothing ran. The new one names the old one and you."""
    if payload is not None and merge is not None:
        raise UsageError("--payload and --merge both say what is emitted: choose one")
    edit = _edit(payload, merge)
    async with opened(common) as engine:
        found = _chosen(ids, code, since, until) or [
            each.id
            async for each in _some(
                engine.events.all(code=code, since=moment_of(since), until=moment_of(until), triggered=False)
            )
        ]
        return _told(await engine.corrections.reemit(found, edit=edit, author=author(), dry_run=not yes), yes, common)


async def retry_invocations(
    *ids: Ids,
    task: Annotated[str | None, Parameter(help="Those of this task.")] = None,
    status: Annotated[str | None, Parameter(help="FAILED or CANCELLED.")] = None,
    since: Since = None,
    until: Until = None,
    yes: Yes = False,
    common: Common = COMMON,
) -> int:
    """Call again what ended FAILED or was cancelled: a new invocation with the same arguments."""
    async with opened(common) as engine:
        found = _chosen(ids, task, status, since, until) or await _invocations(
            engine, task, status or "FAILED", since, until
        )
        return _told(await engine.corrections.retry(found, author=author(), dry_run=not yes), yes, common)


async def cancel_invocations(
    *ids: Ids,
    task: Annotated[str | None, Parameter(help="Those of this task.")] = None,
    status: Annotated[str | None, Parameter(help="REGISTERED, SCHEDULED, RETRY or RUNNING.")] = None,
    since: Since = None,
    until: Until = None,
    reason: Annotated[str, Parameter(help="Why, for the log.")] = "",
    yes: Yes = False,
    common: Common = COMMON,
) -> int:
    """Cancel invocations that have not ended; a running body is told at its worker's next heartbeat.

    One that is named alone is cancelled at once; several, and what the options find, after --yes.
    """
    alone = len(ids) == 1
    async with opened(common) as engine:
        found = _chosen(ids, task, status, since, until) or [
            id
            for each in ([status] if status else ["REGISTERED", "SCHEDULED", "RETRY", "RUNNING"])
            for id in await _invocations(engine, task, each, since, until)
        ]
        done = await engine.corrections.cancel(found, reason=reason, author=author(), dry_run=not (yes or alone))
        if not alone:
            return _told(done, yes, common)
        (one,) = done
        if common.json:
            print_json_line({"id": one.id, "cancelled": one.done})
        else:
            say(f"cancelled {one.id}" if one.done else f"{one.id} has ended already: nothing was done")
        return 0 if one.done else 1


async def retry_runs(
    *ids: Ids,
    trigger: Annotated[str | None, Parameter(help="Failed runs of this trigger.")] = None,
    since: Since = None,
    until: Until = None,
    yes: Yes = False,
    common: Common = COMMON,
) -> int:
    """Make the arguments of failed runs again, with the code that is here, and fire them under their own ids."""
    async with opened(common) as engine:
        found = _chosen(ids, trigger, since, until) or [
            each.id
            async for each in _some(
                engine.runs.all(trigger=trigger, outcome="failed", since=moment_of(since), until=moment_of(until))
            )
        ]
        return _told(await engine.corrections.retry_runs(found, author=author(), dry_run=not yes), yes, common)


async def retry_problems(
    *positions: Annotated[int, Parameter(help="These, by position; or say which by the options.")],
    trigger: Annotated[str | None, Parameter(help="Failed conditions of this trigger.")] = None,
    yes: Yes = False,
    common: Common = COMMON,
) -> int:
    """Ask conditions again that could not be asked; where one says yes, its match fires or waits as it would have."""
    if not positions and trigger is None:
        raise UsageError("say which: positions, as `ensue problems` shows them, or --trigger")
    async with opened(common) as engine:
        found = list(positions) or [
            each.position async for each in _some(engine.problems.all(trigger=trigger, kind="ConditionFailed"))
        ]
        return _told(
            await engine.corrections.retry_conditions(sorted(found), author=author(), dry_run=not yes), yes, common
        )  # fmt: skip


def _chosen(ids: Sequence[str], *options: str | None) -> list[str]:
    """Return the ids that were named; none where options say which. Raises `UsageError` where neither does."""
    if bool(ids) == any(each is not None for each in options):
        raise UsageError("say which: ids, or options that find them, and not both")
    return list(ids)


async def _invocations(
    engine: Engine, task: str | None, status: str, since: str | None, until: str | None
) -> list[str]:  # fmt: skip
    found = engine.invocations.all(task=task, status=status, since=moment_of(since), until=moment_of(until))
    return [each.id async for each in _some(found)]


async def _some(found: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yield what was found, oldest first, and refuse too much at once."""
    kept: list[Any] = []
    async for each in found:
        kept.append(each)
        if len(kept) > FOUND_MAX:
            raise UsageError(f"more than {FOUND_MAX:,} fit: bound them with --since and --until")
    for each in reversed(kept):
        yield each


def _edit(payload: str | None, merge: str | None) -> Callable[[Any], Any] | None:
    if payload is not None:
        value = read_json(payload, "payload")
        return lambda old: value
    if merge is None:
        return None
    changes = read_json(merge, "fields to merge")
    if not isinstance(changes, dict):
        raise UsageError('--merge takes a JSON object, such as {"count": 8}')

    def merged(old: Any) -> Any:
        if not isinstance(old, dict):
            raise UsageError("--merge sets fields, and a payload here has none: use --payload")
        both: dict[Any, Any] = {**old, **changes}
        return {name: value for name, value in both.items() if value is not None or name not in changes}

    return merged


def _told(found: Sequence[Corrected], yes: bool, common: Common) -> int:
    """Say what was done, or would be."""
    if common.json:
        for each in found:
            print_json_line({"dry_run": not yes, **{name: getattr(each, name) for name in each.__struct_fields__}})
    else:
        words = ("done", "left alone") if yes else ("would be done", "left alone")
        columns = (
            Column("WHAT", wraps=True), Column("ID"), Column("IS"), Column("BECAUSE", wraps=True),
            Column("NEW", wide=True),
        )  # fmt: skip
        rows: list[tuple[Text | str, ...]] = [
            (each.what, dim(each.id), worded(words[0] if each.done else words[1]), _short(each.says), dim(each.new))
            for each in found
        ]
        print_table(columns, rows, empty="nothing fits")
        done = sum(each.done for each in found)
        if not yes and done:
            say(f"{done} would be done: say --yes to do it")
        elif found:
            say(f"{done} of {len(found)} done")
    return 0 if all(each.done for each in found) or not yes else 1


def _short(says: str) -> str:
    return says.removeprefix("left alone: ")

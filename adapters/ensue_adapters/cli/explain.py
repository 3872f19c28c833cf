"""`ensue explain`: why a trigger fired for something, or did not; why an invocation has not ended."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from ensue.replay.told import ConditionView, Explanation
from ensue_adapters.cli.options import COMMON, Common, UsageError, moment_of, opened
from ensue_adapters.cli.output import Column, dim, print_fields, print_gap, print_json, print_table, times, worded


async def explain(
    trigger: Annotated[str | None, Parameter(help="The trigger, as `ensue triggers` names it.")] = None,
    /,
    *,
    event: Annotated[str | None, Parameter(help="What became of this event, or of this invocation's changes.")] = None,
    key: Annotated[str | None, Parameter(help="What waits under this key of a join.")] = None,
    at: Annotated[str | None, Parameter(help="What it did at this time: ISO 8601, or how long ago (15m).")] = None,
    invocation: Annotated[str | None, Parameter(help="Without a trigger: why this has not ended.")] = None,
    common: Common = COMMON,
) -> None:
    """Say why a trigger fired or did not, what it waits for, and what would have made it fire. Writes nothing."""
    if invocation is None and (trigger is None or sum(each is not None for each in (event, key, at)) != 1):
        raise UsageError("say a trigger and one of --event ID, --key K or --at TIME; or --invocation ID")
    if invocation is not None and (trigger, event, key, at) != (None, None, None, None):
        raise UsageError("--invocation is explained alone: leave the trigger and the other options out")
    async with opened(common) as engine:
        when = moment_of(at)
        found = await engine.explain(trigger, event=event, key=key, at=when, invocation=invocation)
    if common.json:
        print_json(found)
    else:
        _show(found)


def _show(found: Explanation) -> None:
    print_fields(
        [
            ("trigger", Text(found.trigger, style="bold") if found.trigger else None),
            ("when", found.when),
            ("verdict", worded(found.verdict) if found.when else None),
            ("because", found.says),
            ("needs", found.needs),
            ("at", found.time),
            ("position", found.position or None),
        ]
    )
    if found.conditions:
        print_gap()
        columns = (Column("CONDITION", wraps=True), Column("HOLDS"), Column("BECAUSE", wraps=True), Column("KNOWN BY"))
        rows = [
            (each.condition, _holds(each), each.because, "the log" if each.recorded else "asking again")
            for each in found.conditions
        ]
        print_table(columns, rows, empty="")
    if found.waits:
        print_gap()
        since, until = times([each.since for each in found.waits]), times([each.until for each in found.waits])
        rows_ = [
            (each.condition, each.key, begin, end, dim(each.source))
            for each, begin, end in zip(found.waits, since, until, strict=True)
        ]
        print_table(
            (Column("WAITS"), Column("KEY"), Column("SINCE"), Column("UNTIL"), Column("SOURCE", wide=True)),
            rows_, empty="",
        )  # fmt: skip
    if found.runs:
        print_gap()
        runs = [
            (time, worded(each.outcome), dim(each.id), dim(each.invocation))
            for time, each in zip(times([each.time for each in found.runs]), found.runs, strict=True)
        ]
        columns = (Column("TIME (UTC)"), Column("OUTCOME"), Column("RUN"), Column("INVOCATION"))
        print_table(columns, runs, empty="")


def _holds(each: ConditionView) -> Text:
    return worded({True: "yes", False: "no", None: "unknown"}[each.holds])

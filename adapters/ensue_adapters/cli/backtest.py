"""`ensue backtest`: what today's triggers, or a draft's, make of recorded history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace as with_fields
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from ensue.engine import Engine
from ensue.replay.backtest import backtest as backtest_archive
from ensue.replay.compared import Backtested, Sample, TriggerBacktest
from ensue.scheduler.asking import ThreadAsker
from ensue.stores import open_store
from ensue_adapters.cli.options import COMMON, Common, UsageError, engine_of, moment_of, must_exist
from ensue_adapters.cli.output import (
    Column,
    counted,
    dim,
    print_gap,
    print_json,
    print_table,
    progress,
    say,
    times,
    worded,
)
from ensue_core.clock import from_datetime
from ensue_core.errors import NotFound

App = Annotated[str | None, Parameter(help="The program, as package.module:engine.")]
_COUNTS = ("then", "now", "unchanged", "changed", "gained", "lost")


async def backtest(
    app: App = None,
    /,
    *,
    trigger: Annotated[str | None, Parameter(help="Only this trigger.")] = None,
    since: Annotated[str | None, Parameter(help="Only runs from this time on: ISO 8601, or how long ago (7d).")] = None,
    until: Annotated[str | None, Parameter(help="Only runs before this time.")] = None,
    samples: Annotated[int, Parameter(help="How many of each kind to show for each trigger.")] = 5,
    fail_on_change: Annotated[bool, Parameter(help="Exit with 1 where a run is gained, lost or changed.")] = False,
    markdown: Annotated[bool, Parameter(help="Print Markdown, for a pull request.", negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Evaluate a program's triggers over recorded history and compare with what happened. Writes nothing.

    User code is asked: filters and providers, never tasks.
    """
    if samples < 0:
        raise UsageError(f"--samples {samples}: say how many, from 0")
    if markdown and common.json:
        raise UsageError("--markdown and --json are two forms of one report: choose one")
    if app is not None:
        common = with_fields(common, app=app)
    engine = engine_of(common, needs_code=True)
    must_exist(engine.settings.url)
    if trigger is not None and all(each.spec.id != trigger for each in engine.program.triggers):
        raise NotFound("trigger", trigger)
    found = await _run(engine, trigger, since, until, samples)
    if common.json:
        print_json({"changes": found.changes, **{name: getattr(found, name) for name in found.__struct_fields__}})
    elif markdown:
        sys.stdout.write(in_markdown(found))
    else:
        _show(found)
    return 1 if fail_on_change and found.changes else 0


async def _run(engine: Engine, trigger: str | None, since: str | None, until: str | None, samples: int) -> Backtested:
    archive = open_store(engine.settings.url, engine.namespace, engine.clock).archive()
    asker = ThreadAsker(engine.clock, engine.defaults)
    first, last = (None if each is None else from_datetime(each) for each in (moment_of(since), moment_of(until)))
    await archive.open()
    try:
        with progress("backtesting") as tell:
            return await backtest_archive(
                archive, engine.program, engine.service, engine.defaults, asker,
                trigger=trigger, since=first, until=last, samples=samples, progress=tell,
            )  # fmt: skip
    finally:
        asker.close()
        await archive.close()


def _show(found: Backtested) -> None:
    columns = (
        Column("TRIGGER", wraps=True), Column("TRIGGER IS"), *(Column(each.upper(), right=True) for each in _COUNTS),
    )  # fmt: skip
    rows: list[tuple[Text | str, ...]] = [(each.trigger, worded(each.state), *_counts(each)) for each in found.triggers]
    print_table(columns, rows, empty="neither history nor the program has a trigger")
    if found.samples:
        print_gap()
        shown: list[tuple[Text | str, ...]] = [
            (worded(each.kind), time, each.trigger, each.then, each.now, dim(", ".join(each.sources)))
            for time, each in zip(times([each.time for each in found.samples]), found.samples, strict=True)
        ]
        print_table(
            (
                Column("RUN"), Column("TIME (UTC)"), Column("TRIGGER", wraps=True), Column("THEN", wraps=True),
                Column("NOW", wraps=True), Column("OF", wide=True, wraps=True),
            ),
            shown, empty="",
        )  # fmt: skip
    say(summary(found))


def _counts(each: TriggerBacktest) -> Sequence[Text]:
    numbers = [getattr(each, name) for name in _COUNTS]
    styles = ("", "", "", "yellow", "green", "red")
    return [
        Text(f"{number:,}" if number else "-", style=style if number else "dim")
        for number, style in zip(numbers, styles, strict=True)
    ]


def summary(found: Backtested) -> str:
    """Say what came of it in a sentence."""
    then = sum(each.then for each in found.triggers)
    if not found.changes:
        return f"{counted(then, 'run')} of {counted(found.position, 'record')}: nothing would change"
    told = ", ".join(
        f"{number:,} {name}"
        for name in ("gained", "lost", "changed")
        if (number := sum(getattr(each, name) for each in found.triggers))
    )
    return f"{counted(then, 'run')} of {counted(found.position, 'record')}: {told}"


def in_markdown(found: Backtested) -> str:
    """Return the report as Markdown."""
    lines = [f"### Backtest of service `{found.service}`", "", f"{summary(found)}.", ""]
    lines += [
        "| trigger | is | then | now | unchanged | changed | gained | lost |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for each in found.triggers:
        counts = " | ".join(str(getattr(each, name)) for name in _COUNTS)
        lines.append(f"| `{each.trigger}` | {each.state} | {counts} |")
    if found.samples:
        lines += ["", "| run | time (UTC) | trigger | then | now | of |", "|---|---|---|---|---|---|"]
        lines += [_row(each) for each in found.samples]
    return "\n".join(lines) + "\n"


def _row(each: Sample) -> str:
    cells = (each.kind, f"{each.time:%Y-%m-%d %H:%M:%S}", f"`{each.trigger}`", each.then, each.now)
    of = ", ".join(f"`{source}`" for source in each.sources)
    return f"| {' | '.join(_cell(cell) for cell in cells)} | {of} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

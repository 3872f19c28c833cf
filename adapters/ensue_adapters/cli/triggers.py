"""`ensue triggers` with pause, resume and fire; `ensue pause` and `ensue resume` for whole services."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.text import Text

from ensue.queries import TriggerDetail, TriggerView
from ensue_adapters.cli.options import COMMON, AsOf, Common, Json, UsageError, author, looking, opened, read_arguments
from ensue_adapters.cli.output import (
    Column,
    dim,
    out,
    print_fields,
    print_gap,
    print_json,
    print_json_line,
    print_table,
    say,
    times,
    worded,
)

triggers = App(name="triggers", help="Triggers: what is declared, what waits; pause, resume, fire by hand.")

From = Annotated[
    Literal["now", "catch-up"] | None,
    Parameter(name="--from", help="Go on from now, or catch up from where it stopped."),
]
Start = Literal["now", "catch up"]


@triggers.default
@triggers.command(name="list")
async def list_triggers(
    *,
    state: Annotated[str | None, Parameter(help="Only active, paused or retired.")] = None,
    as_of: AsOf = None,
    common: Common = COMMON,
) -> None:
    """List the triggers of all services, or of the one that --service names."""
    async with looking(common, as_of) as engine:
        found = await engine.triggers.list(service=common.service, state=state)
        if common.json:
            for each in found:
                print_json_line(each)
            return
        _print_triggers([each for each in found if state is not None or each.state != "retired"])
        retired = sum(each.state == "retired" for each in found)
        if retired and state is None:
            say(f"{retired} retired: --state retired")


def _print_triggers(found: list[TriggerView]) -> None:
    columns = (
        Column("TRIGGER", wraps=True), Column("STATE"), Column("FIRED", right=True), Column("WAITING", right=True),
        Column("NEXT SLOT (UTC)", wide=True), Column("SERVICE", wide=True), Column("WHEN", wraps=True),
    )  # fmt: skip
    rows = [
        (
            each.name, worded(each.state), str(each.fired), str(each.waiting or "-"), next_, each.service,
            each.sentence,
        )
        for next_, each in zip(times([each.next for each in found]), found, strict=True)
    ]  # fmt: skip
    print_table(columns, rows, empty="no triggers are declared: start `ensue run`, or `ensue declare`")


@triggers.command(name="show")
async def show_one_trigger(name: str, /, *, as_of: AsOf = None, common: Common = COMMON) -> None:
    """Show one trigger: its conditions, schedules, counts, and what waits."""
    async with looking(common, as_of) as engine:
        found = await engine.triggers.get(name)
        if common.json:
            print_json(found)
        else:
            _show(found)


def _show(found: TriggerDetail) -> None:
    state = worded(found.state)
    if found.reason:
        state.append(f" ({found.reason}), {found.behind} records behind", style="default")
    print_fields(
        [
            ("trigger", Text(found.name, style="bold")),
            ("of task", found.task),
            ("when", found.sentence),
            ("state", state),
            ("service", found.service),
            ("version", found.version),
            ("begins", f"after position {found.begins}" if found.begins else "the log's beginning"),
            ("fired", found.fired),
            ("last fired", found.last_fired),
            ("failed", found.failed or None),
            ("matched", found.matched),
            ("expired", found.expired or None),
            ("dropped", found.dropped or None),
            ("waiting", found.waiting or None),
            *(("condition", f"{said}  ({id})") for id, said in found.conditions.items()),
        ]
    )
    if found.schedules:
        print_gap()
        columns = (
            Column("SCHEDULE"), Column("NEXT (UTC)"), Column("LAST (UTC)"), Column("TICKS", right=True),
            Column("SKIPPED", right=True),
        )  # fmt: skip
        nexts = times([each.next for each in found.schedules])
        lasts = times([each.last for each in found.schedules])
        print_table(
            columns,
            [
                (each.expression, next_, last, str(each.ticks), str(each.skipped))
                for each, next_, last in zip(found.schedules, nexts, lasts, strict=True)
            ],
            empty="",
        )
    if found.waits:
        print_gap()
        columns = (
            Column("WAITING FOR PARTNERS"), Column("KEY"), Column("SINCE"), Column("UNTIL"),
            Column("SOURCE", wide=True),
        )  # fmt: skip
        since, until = times([each.since for each in found.waits]), times([each.until for each in found.waits])
        print_table(
            columns,
            [
                (each.condition, each.key, begin, end, dim(each.source))
                for each, begin, end in zip(found.waits, since, until, strict=True)
            ],
            empty="",
        )


@triggers.command(name="pause")
async def pause_trigger(name: str, /, *, common: Common = COMMON) -> None:
    """Stop asking a trigger. What comes meanwhile is kept, and resuming says what becomes of it."""
    async with opened(common) as engine:
        changed = await engine.triggers.pause(name, author=author())
        _say_changed(common, [name] if changed else [], f"paused {name}", f"{name} is paused already")


@triggers.command(name="resume")
async def resume_trigger(name: str, /, *, from_: From = None, common: Common = COMMON) -> None:
    """Ask a trigger again, --from now or --from catch-up."""
    async with opened(common) as engine:
        if from_ is None:
            behind = (await engine.triggers.get(name)).behind
            raise UsageError(f"{_choice(behind)}, then `ensue triggers resume {name}` goes on")
        changed = await engine.triggers.resume(name, _start(from_), author=author())
        _say_changed(common, [name] if changed else [], f"resumed {name}", f"{name} is active already")


@triggers.command(name="fire")
async def fire_trigger(
    name: str,
    arguments: Json | None = None,
    /,
    *,
    common: Common = COMMON,
) -> None:
    """Fire a trigger by hand, once. Prints the invocation's id.

    Parameters
    ----------
    arguments
        A JSON object by parameter name, @file, or - for stdin; left out, the trigger's static arguments.
    """
    values = None if arguments is None else read_arguments(arguments, f"arguments for {name}")
    async with opened(common) as engine:
        fired = await engine.triggers.fire(name, values, author=author())
        if common.json:
            print_json(fired)
        else:
            out().print(fired.invocation, soft_wrap=True)


async def pause(*, common: Common = COMMON) -> None:
    """Stop all decisions of the namespace, or of the service that --service names. Running work goes on."""
    async with opened(common) as engine:
        changed = await engine.triggers.pause_all(common.service, author=author())
        _say_changed(common, changed, f"paused {', '.join(changed)}", "paused already")


async def resume(*, from_: From = None, common: Common = COMMON) -> None:
    """Let the namespace (or --service) decide again, --from now or --from catch-up."""
    async with opened(common) as engine:
        if from_ is None:
            head = (await engine.store.log.head()).position
            chains = [row for row in await engine.store.decisions.chains() if row.paused]
            behind = max((head - row.through.position for row in chains), default=0)
            raise UsageError(f"{_choice(behind)}, then `ensue resume` goes on")
        changed = await engine.triggers.resume_all(_start(from_), common.service, author=author())
        _say_changed(common, changed, f"resumed {', '.join(changed)}", "nothing is paused")


def _choice(behind: int) -> str:
    return f"say --from now to pass over the {behind} records that came meanwhile, or --from catch-up to react to them"


def _start(from_: Literal["now", "catch-up"]) -> Start:
    return "now" if from_ == "now" else "catch up"


def _say_changed(common: Common, changed: object, done: str, nothing: str) -> None:
    if common.json:
        print_json({"changed": changed})
    else:
        say(done if changed else nothing)

"""One event, run or invocation, shown whole."""

from __future__ import annotations

from rich.text import Text

from ensue.queries import EventDetail, InvocationDetail, RunDetail, RunView
from ensue_adapters.cli.output import (
    Column,
    brief,
    counted,
    dim,
    lasting,
    print_fields,
    print_gap,
    print_table,
    times,
    worded,
)
from ensue_core.facts import Origin


def show_event(event: EventDetail) -> None:
    """Print an event: what it is, its payload, its runs."""
    print_fields(
        [
            ("event", Text(event.code, style="bold")),
            ("id", event.id),
            ("time", event.time),
            ("position", event.position),
            ("key", event.key),
            ("payload", event.payload),
            ("emitted by", f"{event.emitter_task} {event.emitter}" if event.emitter else None),
            ("taken from", _origin(event.origin) if event.origin else None),
            ("cause", event.cause if event.cause != event.emitter else None),
            ("root", event.root if event.root != event.id else None),
            ("traceparent", event.traceparent),
            ("matched", counted(event.matched, "condition") if event.matched else "no condition"),
            ("runs", f"{event.triggered}" if event.triggered else "none"),
        ]
    )
    if event.runs:
        print_gap()
        _runs(event.runs)


def _origin(origin: Origin) -> str:
    """Where an event was taken from, and what it says of itself."""
    says = [f"{origin.topic}, partition {origin.partition}, offset {origin.offset}"]
    named = [("source", origin.source), ("id", origin.id), ("key", origin.key), *sorted(origin.attributes.items())]
    return ", ".join([*says, *(f"{name} {text}" for name, text in named if text)])


def _runs(runs: tuple[RunView, ...]) -> None:
    columns = (Column("TRIGGER"), Column("OUTCOME"), Column("INVOCATION"), Column("RUN", wide=True))
    print_table(
        columns, [(each.trigger, worded(each.outcome), dim(each.invocation), dim(each.id)) for each in runs], empty=""
    )


def show_run(run: RunDetail) -> None:
    """Print a run: what fired, why, with which arguments."""
    print_fields(
        [
            ("run of", Text(run.trigger, style="bold")),
            ("id", run.id),
            ("outcome", worded(run.outcome)),
            ("reason", run.reason),
            ("error", run.error),
            ("time", run.time),
            ("position", run.position),
            ("service", run.service),
            ("task", run.task),
            ("invocation", run.invocation),
            ("arguments", run.arguments if run.outcome == "fired" else None),
            ("key", run.key),
            ("by hand", run.author),
            ("root", run.root if run.root != run.id else None),
        ]
    )
    if not run.participants:
        return
    print_gap()
    columns = (Column("BECAUSE OF"), Column("TIME (UTC)"), Column("SOURCE"))
    moments = times([each.time for each in run.participants])
    rows = [
        (Text(f"{each.kind} {each.name}" if each.kind != "cron" else each.name), time, dim(each.source))
        for time, each in zip(moments, run.participants, strict=True)
    ]  # fmt: skip
    print_table(columns, rows, empty="")


def show_invocation(invocation: InvocationDetail) -> None:
    """Print an invocation: arguments, what came of it, its attempts and history."""
    failure = invocation.failure
    print_fields(
        [
            ("invocation of", Text(invocation.task, style="bold")),
            ("id", invocation.id),
            ("status", worded(invocation.status)),
            ("arguments", invocation.arguments),
            ("result", _result(invocation)),
            ("error", Text(f"{brief(failure.type)}: {failure.message}", style="red") if failure else None),
            ("registered", invocation.registered),
            ("due", invocation.due if invocation.due != invocation.registered else None),
            ("trigger", invocation.trigger),
            ("run", invocation.run),
            ("submitted by", invocation.emitter),
            ("root", invocation.root if invocation.root != invocation.id else None),
        ]
    )
    if invocation.tries:
        print_gap()
        columns = (
            Column("TRY", right=True), Column("STARTED (UTC)"), Column("TOOK", right=True), Column("STATUS"),
            Column("ERROR"), Column("WORKER", wide=True),
        )  # fmt: skip
        rows = [
            (
                str(each.attempt), time, lasting((each.ended - each.started).total_seconds()) if each.ended else "",
                worded(each.status), brief(each.error_type), dim(each.worker),
            )
            for time, each in zip(times([each.started for each in invocation.tries]), invocation.tries, strict=True)
        ]  # fmt: skip
        print_table(columns, rows, empty="")
    if failure is not None and failure.traceback:
        print_gap()
        print_fields([("traceback", failure.traceback.rstrip())])


def _result(invocation: InvocationDetail) -> object:
    if invocation.status != "SUCCESS":
        return None
    return Text("null", style="dim") if invocation.result is None else invocation.result

"""Making the arguments of runs: which provider applies, what it is given, and the facts that follow.

A run whose arguments cannot be made is a `RunFailed`; one at the end of too long a chain of causes is a
`DepthExceeded`. Both use up their participants, as a firing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from ensue.contexts import Context, RunContext
from ensue.program import DeclaredTrigger, Program
from ensue.scheduler.asking import Answer, Call
from ensue.scheduler.contexts import Participated, context_of, present
from ensue.scheduler.decide import Firing, Reserve
from ensue.scheduler.evaluate import Upstream
from ensue_core.clock import to_datetime
from ensue_core.declarations import Fields, Provided, Provider, Static
from ensue_core.errors import ArgumentsMismatch, BadValue, EnsueError
from ensue_core.facts import AttemptStarted, DepthExceeded, Failure, RunFailed, TriggerFired
from ensue_core.ids import Id, derive_from
from ensue_core.records import Draft, draft
from ensue_core.values import decode, fields_of


class Making(msgspec.Struct, frozen=True, gc=False):
    """A run on its way: the provider that applies, and what took part. `call` is left for user code."""

    firing: Firing
    trigger: DeclaredTrigger | None
    took_part: tuple[Participated, ...]
    plain: Mapping[str, Any] | None = None
    call: Call | None = None
    reason: str = ""
    error: str = ""


def prepare(
    firing: Firing,
    program: Program,
    triggers: Mapping[str, DeclaredTrigger],
    took_part: Sequence[Participated],
    upstream: Upstream,
) -> Making:
    """Pick the first provider whose kind of participant is present and do what data can do."""
    trigger = triggers[firing.spec.id]
    part = tuple(took_part)
    if not firing.spec.providers:
        return Making(firing, trigger, part, {})
    for provider in firing.spec.providers:
        chosen = _choose(provider, part)
        if chosen is None:
            continue
        match provider:
            case Static(values):
                return Making(firing, trigger, part, values)
            case Fields(kind, names):
                picked = _pick(kind, names, chosen[0], upstream)
                if isinstance(picked, str):
                    return Making(firing, trigger, part, reason="provider", error=picked)
                return Making(firing, trigger, part, picked)
            case Provided(kind, function):
                run = _calling(trigger.functions[function.name], kind, trigger, chosen, program, upstream)
                return Making(firing, trigger, part, call=Call(firing.spec.id, run))
    kinds = ", ".join(sorted({each.occurrence.kind for each in part}))
    return Making(
        firing,
        trigger,
        part,
        reason="provider",
        error=f"no argument provider fits its participants ({kinds})",
    )


def _choose(provider: Provider, part: tuple[Participated, ...]) -> tuple[Participated, ...] | None:
    """Return the participants a provider is given; None where it does not apply."""
    if isinstance(provider, Static) or provider.kind == "run":
        return part
    found = next((each for each in part if provider.kind in present(each)), None)
    return None if found is None else (found,)


def _pick(kind: str, names: Sequence[str], each: Participated, upstream: Upstream) -> dict[str, Any] | str:
    """Pick fields by name, from JSON alone: of the payload, the result, the arguments, the failure or the slot."""
    occurrence = each.occurrence
    values: Any
    match kind:
        case "event" | "poll":
            values = None if occurrence.payload is None else decode(occurrence.payload)
        case "result":
            values = None if occurrence.result is None else decode(occurrence.result)
        case "cron":
            last = to_datetime(occurrence.previous) if occurrence.previous else None
            values = {"timestamp": to_datetime(occurrence.slot), "last_execution": last}
        case "exception":
            failure = occurrence.failure or Failure("Exception")
            own = {"exception_type": failure.type.rpartition(".")[2], "exception_message": failure.message}
            values = {**upstream.arguments(occurrence), **own}
        case _:
            values = upstream.arguments(occurrence)
    if not isinstance(values, dict):
        return f"has no fields to pick {', '.join(names)} from"
    table = cast("dict[str, Any]", values)
    missing = [name for name in names if name not in table]
    if missing:
        return f"has no field {missing[0]!r} (it has {', '.join(sorted(table)[:8]) or 'none'})"
    return {name: table[name] for name in names}


def _calling(
    function: Callable[[Any], Any],
    kind: str,
    trigger: DeclaredTrigger,
    chosen: tuple[Participated, ...],
    program: Program,
    upstream: Upstream,
) -> Callable[[], Any]:
    """Return the call of a provider; contexts are built inside it, as decoding runs user code too."""

    def call() -> Any:
        contexts: list[Context] = [context_of(each, kind, trigger, program, upstream) for each in chosen]
        return function(RunContext(participants=tuple(contexts)) if kind == "run" else contexts[0])

    return call


def finish(
    making: Making,
    answer: Answer | None,
    program: Program,
    service: str,
    depth_max: int,
    reserve: Reserve,
    worker: str,
) -> list[Draft]:
    """Return the facts of a run: fired (and started, for an own free slot), failed, or too deep."""
    firing, fired = making.firing, making.firing.fired
    first = making.took_part[0].occurrence
    depth = 1 + max(each.occurrence.depth for each in making.took_part)
    root, cause = first.root, firing.occurrence.source
    task = firing.spec.task
    if depth > depth_max:
        deep = DepthExceeded(
            service, firing.spec.id, firing.version, task, depth, fired.branch, fired.key, fired.participants
        )
        return [draft(fired.run, deep, cause=cause, root=root)]
    arguments = _arguments(making, answer, program)
    if isinstance(arguments, RunProblem):
        failed = RunFailed(
            service, firing.spec.id, firing.version, task, arguments.reason, arguments.error, fired.branch, fired.key,
            fired.participants, depth,
        )  # fmt: skip
        return [draft(fired.run, failed, cause=cause, root=root)]
    run = TriggerFired(
        service,
        firing.spec.id,
        firing.version,
        task,
        fired.invocation,
        msgspec.Raw(arguments),
        fired.branch,
        fired.key,
        fired.participants,
        depth=depth,
    )
    facts = [draft(fired.run, run, cause=cause, root=root)]
    if reserve(task):
        facts.append(start_of(fired.invocation, task, worker, depth, root))
    return facts


def start_of(invocation: Id, task: str, worker: str, depth: int, root: str | None) -> Draft:
    """Return the start of a first attempt whose creating record stands just before it in the same Step."""
    started = AttemptStarted(invocation, 1, task, created=-1, worker=worker, depth=depth)
    return draft(derive_from(invocation, "start", 1), started, cause=invocation, root=root)


class RunProblem(msgspec.Struct, frozen=True, gc=False):
    """Why a run has no arguments."""

    reason: str
    error: str


def _arguments(making: Making, answer: Answer | None, program: Program) -> bytes | RunProblem:
    if making.reason:
        return RunProblem(making.reason, making.error)
    values: Any = making.plain
    if answer is not None:
        if answer.failed:
            return RunProblem(answer.reason, answer.error)
        values = fields_of(answer.value)
        if values is None:
            name = type(answer.value).__name__
            return RunProblem("provider", f"the provider returned {name}, not a mapping of arguments")
    try:
        return program.tasks[making.firing.spec.task].check(values)
    except (ArgumentsMismatch, BadValue) as error:
        return RunProblem("arguments", str(error))
    except EnsueError as error:
        return RunProblem("arguments", str(error))

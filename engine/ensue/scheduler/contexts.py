"""From occurrences to the typed contexts that user code is given.

Building one decodes values as their declared types, which runs user code: do it where user code may run.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ensue.contexts import (
    Arguments,
    Context,
    CronContext,
    EventContext,
    ExceptionContext,
    PollContext,
    ResultContext,
    StatusContext,
)
from ensue.program import DeclaredTrigger, Program
from ensue.scheduler.evaluate import Question, Upstream
from ensue_core.clock import to_datetime
from ensue_core.facts import Failure
from ensue_core.statuses import Status
from ensue_core.values import decode, decode_as
from ensue_projections.occurrences import Occurrence


class Participated(msgspec.Struct, frozen=True, gc=False):
    """An occurrence that takes part in a run, and the condition it satisfied."""

    condition: str
    occurrence: Occurrence


def present(each: Participated) -> frozenset[str]:
    """Return the kinds of provider that a participant can serve."""
    occurrence = each.occurrence
    if occurrence.kind != "status":
        return frozenset({occurrence.kind})
    if occurrence.status is Status.SUCCESS:
        return frozenset({"status", "result"})
    if occurrence.status is Status.FAILED:
        return frozenset({"status", "exception"})
    return frozenset({"status"})


def context_of(
    each: Participated, kind: str, trigger: DeclaredTrigger, program: Program, upstream: Upstream
) -> Context:
    """Return a participant as the context that user code sees.

    Raises `BadValue` where a payload or result does not fit its declared type.
    """
    occurrence = each.occurrence
    if occurrence.kind == "cron":
        last = to_datetime(occurrence.previous) if occurrence.previous else None
        return CronContext(timestamp=to_datetime(occurrence.slot), last_execution=last)
    if occurrence.kind == "poll":
        payload = None if occurrence.payload is None else decode(occurrence.payload)
        return PollContext(payload=payload, poll_id=occurrence.source, timestamp=to_datetime(occurrence.time))
    if occurrence.kind == "event":
        return EventContext(
            payload=_payload(occurrence, trigger.payload_types.get(each.condition, Any)),
            event_id=occurrence.source,
            event_code=occurrence.code,
            timestamp=to_datetime(occurrence.time),
            emitter=occurrence.emitter,
            origin=occurrence.origin,
        )
    assert occurrence.status is not None
    status: dict[str, Any] = {
        "invocation_id": occurrence.source,
        "task": occurrence.task,
        "arguments": Arguments(upstream.arguments(occurrence)),
        "status": occurrence.status,
        "attempt": occurrence.attempt,
        "timestamp": to_datetime(occurrence.time),
    }
    if occurrence.status is Status.SUCCESS:
        return ResultContext(result=_result(occurrence, program), **status)
    if occurrence.status is Status.FAILED:
        failure = occurrence.failure or Failure("Exception")
        return ExceptionContext(
            exception_type=failure.type.rpartition(".")[2],
            exception_message=failure.message,
            exception_qualified_type=failure.type,
            exception_bases=failure.bases,
            traceback=failure.traceback,
            **status,
        )
    return StatusContext(**status)


def subject_of(question: Question, trigger: DeclaredTrigger, program: Program, upstream: Upstream) -> Any:
    """Return the typed value that a filter function is asked about."""
    occurrence = question.occurrence
    match question.subject:
        case "payload":
            return _payload(occurrence, trigger.payload_types.get(question.condition, Any))
        case "arguments":
            return dict(upstream.arguments(occurrence))
        case "result":
            return _result(occurrence, program)


def _payload(occurrence: Occurrence, type_: Any) -> Any:
    assert occurrence.payload is not None
    return decode_as(occurrence.payload, type_, f"payload of event {occurrence.code} {occurrence.source}")


def _result(occurrence: Occurrence, program: Program) -> Any:
    if occurrence.result is None:
        return None
    task = program.tasks.get(occurrence.task)
    return decode(occurrence.result) if task is None else task.decode_result(occurrence.result)

"""What an emit or a submit says, as the draft of a record: its id, its cause, and whether it may come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ensue.current import current_or_none, derive_emit_id, derive_submit_id
from ensue.payloads import encode_payload
from ensue.tasks import SubmitOptions, Task, TaskWithOptions
from ensue_core.errors import ArgumentsMismatch, BadValue, UnknownTask
from ensue_core.facts import EventEmitted, InvocationCreated
from ensue_core.ids import derive_keyed, new_id
from ensue_core.records import Draft, draft
from ensue_core.values import encode

if TYPE_CHECKING:
    from ensue.events import Event
    from ensue.program import Program

KEY_MAX = 512
"""How long an idempotency key may be, in characters."""


def event_draft(
    namespace: str,
    event: Event[Any] | str,
    payload: object,
    key: str | None = None,
    correlation: str | None = None,
    causation: str | None = None,
    traceparent: str | None = None,
) -> Draft:
    """Return what an emit appends. Raises `BadValue` and `DeclarationError`."""
    code, raw = encode_payload(event, {} if payload is None and isinstance(event, str) else payload)
    task = current_or_none()
    if key is not None:
        id = derive_keyed("event", namespace, code, _checked_key(key))
    elif task is not None:
        id = derive_emit_id(task, code, raw)
    else:
        id = new_id()
    fact = EventEmitted(
        code,
        msgspec.Raw(raw),
        key,
        emitter=task.id if task else None,
        emitter_task=task.task if task else None,
        correlation=correlation,
        causation=causation,
        traceparent=traceparent,
        depth=task.depth if task else 0,
    )
    cause = causation or (task.id if task else None)
    root = correlation or (task.root if task else None)
    return draft(id, fact, cause=cause, root=root, repeatable=key is not None or task is not None)


class Asked(msgspec.Struct, frozen=True):
    """A submit whose arguments fit, encoded."""

    task: str
    arguments: bytes
    options: SubmitOptions


def ask(
    program: Program,
    task: Task[..., Any] | TaskWithOptions[..., Any] | str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    connection: object,
) -> Asked:
    """Return what `engine.submit(task, ...)` asks for. Raises as `ask_with` does."""
    options = task.submit_options if isinstance(task, TaskWithOptions) else SubmitOptions()
    name = task if isinstance(task, str) else task.name
    known = program.tasks.get(name)
    if connection is not None:
        if known is not None and "connection" in known.codec.shape.names:
            kwargs = {**kwargs, "connection": connection}
        else:
            options = msgspec.structs.replace(options, connection=connection)
    if isinstance(task, str) and known is None:
        if args:
            raise ArgumentsMismatch(task, "a task whose code is not here takes keywords only")
        return Asked(task, encode(kwargs, f"arguments of {task}"), options)
    return ask_with(options, program, name, args, kwargs)


def ask_with(
    options: SubmitOptions, program: Program, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Asked:
    """Return what a submit of a task asks for. Raises `ArgumentsMismatch`, `BadValue` and `UnknownTask`."""
    known = program.tasks.get(name)
    if known is None:
        raise UnknownTask(name, "submit", tuple(program.tasks))
    return Asked(name, known.encode(args, kwargs), options)


def invocation_draft(namespace: str, asked: Asked) -> Draft:
    """Return what a submit appends. Raises `BadValue`."""
    task, arguments, options = asked.task, asked.arguments, asked.options
    key = options.idempotency_key
    within = current_or_none()
    if key is not None:
        id = derive_keyed("invocation", namespace, task, _checked_key(key))
    elif within is not None:
        id = derive_submit_id(within, task, arguments)
    else:
        id = new_id()
    fact = InvocationCreated(
        task,
        msgspec.Raw(arguments),
        key,
        emitter=within.id if within else None,
        correlation=options.correlation_id,
        depth=within.depth + 1 if within else 0,
    )
    return draft(
        id,
        fact,
        cause=options.causation_id or (within.id if within else None),
        root=options.correlation_id or (within.root if within else None),
        repeatable=key is not None or within is not None,
    )


def _checked_key(key: str) -> str:
    if not key or len(key) > KEY_MAX:
        raise BadValue(f"idempotency key {key[:40]!r} has {len(key)} characters: use 1 to {KEY_MAX}")
    return key

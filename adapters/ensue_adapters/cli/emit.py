"""`ensue emit` and `ensue submit`: putting something in."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ensue.engine import Engine
from ensue.handles import Handle
from ensue_adapters.cli.options import COMMON, Common, Json, opened, read_arguments, read_json
from ensue_adapters.cli.output import out, plain, print_json, say
from ensue_adapters.cli.trees import print_trace
from ensue_core.errors import UnknownTask

Wait = Annotated[float | None, Parameter(help="Wait this many seconds for all that it causes, and show it.")]


async def emit(
    code: str,
    payload: Json = "{}",
    /,
    *,
    key: Annotated[str | None, Parameter(help="Idempotency key: the same key is the same event.")] = None,
    correlation_id: Annotated[str | None, Parameter(help="What began the tree that this belongs to.")] = None,
    causation_id: Annotated[str | None, Parameter(help="What directly brought this about.")] = None,
    wait: Wait = None,
    common: Common = COMMON,
) -> None:
    """Emit an event; durable on return. Prints its id.

    Parameters
    ----------
    code
        The event's code, such as order.paid.
    payload
        JSON, @file, or - for stdin.
    """
    value = read_json(payload, f"payload of {code}")
    async with opened(common, creates=True) as engine:
        emitted = await engine.emit(
            code, value, idempotency_key=key, correlation_id=correlation_id, causation_id=causation_id
        )
        if wait is not None:
            await emitted.settled(wait)
        if common.json:
            said = {"id": emitted.id, "position": emitted.position, "duplicate": emitted.duplicate}
            print_json(said if wait is None else said | {"trace": await engine.trace(emitted.id)})
        elif wait is not None:
            print_trace(await engine.trace(emitted.id))
        else:
            out().print(emitted.id, soft_wrap=True)
        if emitted.duplicate:
            say("this key has been used before: nothing was added, the id is the first event's")


async def submit(
    task: str,
    arguments: Json = "{}",
    /,
    *,
    wait: Annotated[float | None, Parameter(help="Wait this many seconds for the result, and print it.")] = None,
    common: Common = COMMON,
) -> None:
    """Submit an invocation of a task; durable on return. Prints its id, or with --wait its result.

    Parameters
    ----------
    task
        The task's name.
    arguments
        A JSON object by parameter name, @file, or - for stdin. They are checked where the program is known.
    """
    values = read_arguments(arguments, f"arguments of {task}")
    async with opened(common, creates=True) as engine:
        await _check_known(engine, task)
        handle: Handle[Any] = await engine.submit(task, **values)
        if wait is None:
            if common.json:
                print_json({"id": handle.id})
            else:
                out().print(handle.id, soft_wrap=True)
            return
        result: object = await handle.result(timeout=wait)
        if common.json:
            print_json({"id": handle.id, "result": result})
        else:
            out().print(plain(result), soft_wrap=True)


async def _check_known(engine: Engine, task: str) -> None:
    """Refuse a name that neither this program nor any declared service has."""
    known = set(engine.program.tasks)
    for chain in await engine.store.decisions.chains():
        known.update(chain.tasks)
    if task not in known:
        raise UnknownTask(task, "ensue submit", tuple(sorted(known)))

"""`ensue run` and `ensue declare`: the processes that decide, fold and work."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace as with_fields
from typing import Annotated

from cyclopts import Parameter

from ensue import __version__
from ensue.config import redact
from ensue.engine import Engine
from ensue.running import ROLES, Role
from ensue_adapters.cli.options import COMMON, Common, engine_of
from ensue_adapters.cli.output import counted, print_json, say
from ensue_adapters.cli.process import log_to_stderr, settle_in, stop_on_signals

App = Annotated[str | None, Parameter(help="The program, as package.module:engine.")]
Replace = Annotated[bool, Parameter(help="Take the place of another program in this service.", negative="")]


async def run(
    app: App = None,
    /,
    *,
    only: Annotated[tuple[Role, ...], Parameter(help="Only this role; may be said again.")] = (),
    concurrency: Annotated[int | None, Parameter(help="How many async tasks at once.")] = None,
    threads: Annotated[int | None, Parameter(help="How many sync tasks at once, each in a thread.")] = None,
    grace: Annotated[float | None, Parameter(help="Seconds that bodies get to finish on shutdown.")] = None,
    reload: Annotated[bool, Parameter(help="Start again when a Python file changes.", negative="")] = False,
    replace: Replace = False,
    common: Common = COMMON,
) -> int:
    """Run a program: scheduler, projectors, worker and ingester, until SIGTERM or Ctrl-C.

    The first signal drains: running bodies get the grace to finish, the rest is released. A second one exits at
    once; what was running is taken up again by others.
    """
    if app is not None:
        common = with_fields(common, app=app)
    if reload:
        from ensue_adapters.cli.reload import run_reloading

        return await run_reloading(sys.argv[1:])
    engine = engine_of(common, needs_code=True)
    engine.configure(async_slots=concurrency, thread_slots=threads, shutdown_grace_seconds=grace)
    log_to_stderr(engine.settings.log_level)
    stop = asyncio.Event()
    stop_on_signals(stop, engine.defaults.shutdown_grace_seconds)
    await engine.serve(
        only=only or None, replace=replace, stop=stop, ready=lambda: _begun(engine, frozenset(only) or ROLES)
    )
    say("stopped")
    return 0


async def declare(app: App = None, /, *, replace: Replace = False, common: Common = COMMON) -> None:
    """Declare a program's triggers without running it: what is new starts, what is gone retires."""
    if app is not None:
        common = with_fields(common, app=app)
    engine = engine_of(common, needs_code=True)
    async with engine:
        await engine.declare(replace=replace)
        program = engine.program
        if common.json:
            names = [each.spec.id for each in program.triggers]
            print_json({"service": engine.service, "version": program.version, "triggers": names})
        else:
            say(
                f"service {engine.service} of {engine.namespace}: version {program.version}, "
                f"{counted(program.tasks, 'task')}, {counted(program.triggers, 'trigger')} declared"
            )


def _begun(engine: Engine, roles: frozenset[Role]) -> None:
    settle_in()  # all is loaded now
    program, defaults = engine.program, engine.defaults
    what = ", ".join(role for role in ("scheduler", "projectors", "worker") if role in roles)
    if "worker" in roles:
        what += f" ({defaults.async_slots} async, {defaults.thread_slots} threads)"
    if "ingester" in roles and engine.ingests:
        what += f"{', ' if what else ''}takes in {', '.join(each.name for each in engine.ingests)}"
    say(
        f"ensue {__version__}  {redact(engine.settings.url)}  app_id {engine.namespace}, service {engine.service}\n"
        f"  {counted(program.tasks, 'task')}, {counted(program.triggers, 'trigger')} (version {program.version})\n"
        f"  runs {what}; process {os.getpid()}, stop with Ctrl-C"
    )

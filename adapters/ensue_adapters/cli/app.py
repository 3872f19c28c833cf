"""The commands put together, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from cyclopts import App, CycloptsError

from ensue import __version__
from ensue.config import redact
from ensue_adapters.cli import (
    backtest,
    db,
    doctor,
    emit,
    explain,
    follow,
    ingest,
    look,
    replay,
    run,
    settings,
    triggers,
    verify,
)
from ensue_adapters.cli.options import UsageError
from ensue_adapters.cli.output import complain
from ensue_adapters.cli.process import loop_factory
from ensue_core.errors import EnsueError

OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130


def build() -> App:
    """Return the application with every command."""
    app = App(
        name="ensue",
        version=__version__,
        help="An event-sourced trigger engine: when this happened, run that, and show why.",
        help_format="plaintext",
        help_epilogue=(
            "Every command takes --url, --app-id, --service, --app and --json; what they leave out comes from "
            "ENSUE_URL, ENSUE_APP_ID, ..., then from [tool.ensue] in pyproject.toml (`ensue config` shows it). Data "
            "goes to stdout; with --json a list is JSON lines, all else one JSON document. "
            "Exit codes: 0 well, 1 a problem, 2 a command that is written wrongly."
        ),
    )
    app.command(run.run)
    app.command(run.declare)
    app.command(emit.emit)
    app.command(emit.submit)
    app.command(look.events)
    app.command(look.runs)
    app.command(look.invocations)
    app.command(look.problems)
    app.command(triggers.triggers)
    app.command(triggers.pause)
    app.command(triggers.resume)
    app.command(follow.trace)
    app.command(follow.tail)
    app.command(settings.config)
    app.command(doctor.doctor)
    app.command(explain.explain)
    app.command(backtest.backtest)
    app.command(verify.verify)
    app.command(verify.snapshot)
    app.command(replay.replay)
    app.command(db.db)
    app.command(ingest.ingest)
    app.command(ingest.dead_letters)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback for what a user can put right."""
    try:
        try:
            command, bound, _ = build().parse_args(
                list(sys.argv[1:] if arguments is None else arguments), exit_on_error=False, print_error=False
            )
        except CycloptsError as error:
            complain(f"{_usage(error)} (see `{_help(error)}`)")
            return USAGE
        return _run(command, bound)
    except UsageError as error:
        complain(redact(str(error)))
        return USAGE
    except EnsueError as error:
        complain(redact(str(error)))
        return PROBLEM
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`ensue events | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _run(command: Callable[..., Any], bound: inspect.BoundArguments) -> int:
    result = command(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        result = _run_loop(result)
    sys.stdout.flush()
    return result if isinstance(result, int) else OK


def _run_loop(coroutine: Coroutine[Any, Any, object]) -> object:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(coroutine)


def _usage(error: CycloptsError) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _help(error: CycloptsError) -> str:
    return " ".join(["ensue", *(error.command_chain or ()), "--help"])

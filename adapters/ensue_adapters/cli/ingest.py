"""`ensue ingest` takes topics in; `ensue dead-letters` shows what could not be, and sends it again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace as with_fields
from typing import Annotated

from cyclopts import App, Parameter

from ensue import __version__
from ensue.config import redact
from ensue.engine import Engine
from ensue.ingest.declared import Ingest
from ensue.ingest.looking import letters_of, resend
from ensue.running import Role
from ensue_adapters.cli.options import COMMON, Common, UsageError, engine_of, opened
from ensue_adapters.cli.output import Column, counted, print_json_line, print_table, say, times, worded
from ensue_adapters.cli.process import hush_clients, log_to_stderr, settle_in, stop_on_signals
from ensue_core.clock import to_datetime
from ensue_core.errors import ConfigError
from ensue_core.topics import Letter

dead_letters = App(name="dead-letters", help="Records of topics that became no event: list them, send them again.")

ROLES_HERE: tuple[Role, ...] = ("ingester",)

AnyTopic = Annotated[str | None, Parameter(name="--topic", help="Only of this topic.")]


async def ingest(
    app: Annotated[str | None, Parameter(help="The program, as package.module:engine.")] = None,
    /,
    *,
    common: Common = COMMON,
) -> None:
    """Take topics of other programs in as events, until SIGTERM or Ctrl-C.

    The topics are those of `engine.ingest(...)` and of [tool.ensue.ingest]. Any number of these processes share the
    partitions; `ensue run` does the same beside all else.
    """
    if app is not None:
        common = with_fields(common, app=app)
    engine = engine_of(common, needs_code=app is not None)
    topics = _topics(engine)
    log_to_stderr(engine.settings.log_level)
    stop = asyncio.Event()
    stop_on_signals(stop, engine.defaults.shutdown_grace_seconds)
    await engine.serve(only=ROLES_HERE, stop=stop, ready=lambda: _begun(engine, topics))
    say("stopped")


def _begun(engine: Engine, topics: Sequence[Ingest]) -> None:
    settle_in()
    say(f"ensue {__version__}  {redact(engine.settings.url)}  app_id {engine.namespace}")
    for each in topics:
        say(f"  takes in {each.name}: {redact(each.url)}, {each.format}")


@dead_letters.default
@dead_letters.command(name="list")
async def list_letters(
    *,
    topic: AnyTopic = None,
    every: Annotated[bool, Parameter(name="--all", help="Also those that were sent again.", negative="")] = False,
    common: Common = COMMON,
) -> None:
    """List what became no event, with the reason and the place in its topic."""
    hush_clients()
    async with opened(common) as engine:
        rows: list[tuple[str, Letter]] = []
        for each in _topics(engine, topic):
            async for letter in letters_of(engine.store, each):
                rows += [(each.name, letter)] if every or not letter.resent else []
        if common.json:
            for name, letter in rows:
                print_json_line(_plain(name, letter))
            return
        columns = (
            Column("TOPIC"), Column("PLACE"), Column("PARKED (UTC)"), Column("STATE"),
            Column("BYTES", right=True, wide=True), Column("REASON", wraps=True),
        )  # fmt: skip
        moments = times([to_datetime(letter.time) for _, letter in rows])
        shown = [
            (name, _place(letter), when, worded("resent" if letter.resent else "parked"), _size(letter), letter.reason)
            for (name, letter), when in zip(rows, moments, strict=True)
        ]
        print_table(columns, shown, empty="no dead letters")


@dead_letters.command(name="resend")
async def resend_letters(
    *places: str,
    topic: AnyTopic = None,
    every: Annotated[bool, Parameter(name="--all", help="All that were not sent again yet.", negative="")] = False,
    common: Common = COMMON,
) -> None:
    """Send dead letters to their topic again, bytes unchanged: after the program has learned to read them.

    A record that was sent twice, or is read at last, is one event.

    Parameters
    ----------
    places
        The letters, as `list` shows their places: partition:offset.
    """
    if bool(places) == every:
        raise UsageError("which letters? name their places, such as 0:17, or say --all")
    hush_clients()
    async with opened(common) as engine:
        topics = _topics(engine, topic)
        if places and len(topics) > 1:
            raise UsageError(
                f"places of which topic? say --topic with one of {', '.join(each.name for each in topics)}"
            )
        for each in topics:
            letters = [letter async for letter in letters_of(engine.store, each)]
            chosen = [letter for letter in letters if (_place(letter) in places if places else not letter.resent)]
            missing = set(places) - {_place(letter) for letter in chosen}
            if missing:
                raise UsageError(f"no dead letter at {', '.join(sorted(missing))} of {each.name}: `ensue dead-letters`")
            await resend(engine.store, each, chosen)
            say(f"{each.name}: {counted(chosen, 'letter')} sent again")


def _topics(engine: Engine, name: str | None = None) -> list[Ingest]:
    found = [each for each in engine.ingests if name in (None, each.name)]
    if found:
        return found
    if name is not None:
        known = ", ".join(each.name for each in engine.ingests) or "none"
        raise ConfigError(f"no topic is called {name!r} here (known: {known}): check --topic and --app")
    raise ConfigError(
        "no topic is named: call engine.ingest(...) in the program and name it with --app, or write "
        'orders = "kafka://broker:9092/orders" below [tool.ensue.ingest] in pyproject.toml'
    )


def _place(letter: Letter) -> str:
    return f"{letter.message.partition}:{letter.message.offset}"


def _size(letter: Letter) -> str:
    return str(len(letter.message.value or b""))


def _plain(name: str, letter: Letter) -> dict[str, object]:
    message = letter.message
    return {
        "topic": name,
        "partition": message.partition,
        "offset": message.offset,
        "parked": to_datetime(letter.time),
        "reason": letter.reason,
        "resent": letter.resent,
        "key": message.key,
        "value": message.value,
        "headers": dict(message.headers),
    }

"""What every command takes, and how it finds its engine."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Group, Parameter

from ensue.config import Settings, redact, resolve
from ensue.engine import Engine
from ensue.loading import load_engine
from ensue.queries.fresh import freshen
from ensue_adapters.cli.output import progress, say
from ensue_core.clock import SYSTEM_CLOCK, to_datetime
from ensue_core.durations import micros
from ensue_core.errors import BadDuration, BadValue, ConfigError, EnsueError, ModuleNotLoaded, StoreUnavailable
from ensue_core.values import check_raw

COMMON_GROUP = Group("Common options", sort_key=100)


class UsageError(EnsueError):
    """The command is written in a way that cannot be meant."""


@Parameter(name="*", group=COMMON_GROUP)
@dataclass(frozen=True)
class Common:
    """What every command takes."""

    url: Annotated[str | None, Parameter(help="The store, such as sqlite:///news.db.")] = None
    app_id: Annotated[str | None, Parameter(help="The namespace.")] = None
    service: Annotated[str | None, Parameter(help="The service in the namespace.")] = None
    app: Annotated[str | None, Parameter(help="The program, as package.module:engine.")] = None
    json: Annotated[bool, Parameter(help="Print JSON.", negative="")] = False


COMMON = Common()

AsOf = Annotated[
    str | None, Parameter(help="How things stood at this position of the log or time: ISO 8601, or how long ago (15m).")
]

Json = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""A JSON value, `@file`, or `-` for stdin."""


def settings_of(common: Common) -> Settings:
    """Return the settings that hold for a command. Raises `ConfigError`."""
    return resolve(url=common.url, app_id=common.app_id, service=common.service, app=common.app)


def engine_of(common: Common, *, needs_code: bool = False) -> Engine:
    """Return the engine a command works with, not yet open.

    It is the user's own where `app` is known, so that it looks where their program looks; else one without
    tasks. Code that cannot be loaded stops a command only where it needs the code or has no URL of its own.
    """
    settings = settings_of(common)
    if settings.app is None:
        if needs_code:
            raise ConfigError(
                'no program is named: say `package.module:engine`, or write app = "package.module:engine" below '
                "[tool.ensue] in pyproject.toml"
            )
        return Engine(common.url, app_id=common.app_id, service=common.service)
    try:
        engine = load_engine(settings.app, _home_of(settings))
    except ModuleNotLoaded as error:
        if needs_code or common.app is not None or settings.sources["url"].kind == "default":
            raise
        say(f"note: {error}; going on without its code")
        return Engine(common.url, app_id=common.app_id, service=common.service)
    engine.configure(url=common.url, app_id=common.app_id, service=common.service)
    return engine


def _home_of(settings: Settings) -> Path | None:
    """Return the directory of the pyproject.toml that names the program, which is importable then."""
    source = settings.sources["app"]
    return Path(source.where.partition(" [tool.ensue]")[0]).parent if source.kind == "file" else None


@asynccontextmanager
async def opened(common: Common, *, creates: bool = False) -> AsyncGenerator[Engine, None]:
    """Open a client; query views are fresh then. A store that is not there is made only where `creates`."""
    engine = engine_of(common)
    if not creates:
        must_exist(engine.settings.url)
    async with engine:
        if not creates:
            with progress("folding the log") as tell:
                await freshen(engine.store, tell)
        yield engine


@asynccontextmanager
async def looking(common: Common, as_of: str | None) -> AsyncGenerator[Engine, None]:
    """Open a client to look with: at how things stand, or stood as of a position or time."""
    if as_of is None:
        async with opened(common) as engine:
            yield engine
        return
    engine = engine_of(common)
    must_exist(engine.settings.url)
    when = int(as_of) if as_of.isdecimal() else moment_of(as_of)
    assert when is not None
    with progress("folding the log") as tell:
        past = engine.as_of(when, tell)
        then = await past.__aenter__()
    try:
        yield then
    finally:
        await past.__aexit__(None, None, None)


def must_exist(url: str) -> None:
    from ensue_adapters.sqlite.url import parse_url

    if url.startswith("sqlite:"):
        path = parse_url(url).path.absolute()
        if path.parent.exists() and not path.exists():
            raise StoreUnavailable(
                f"there is no store at {path} yet: emit an event or start `ensue run`, or name another with --url"
            )
    elif url.startswith("memory:"):
        raise StoreUnavailable(f"{redact(url)} lives in the process that made it: name a store on disk with --url")


def author() -> str:
    """Return who is deciding, for the log: user@host."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"{name}@{socket.gethostname()}"


def moment_of(text: str | None) -> datetime | None:
    """Read a time: ISO 8601 (UTC where it has no zone), or how long ago ("15m")."""
    if text is None:
        return None
    with suppress(BadDuration):
        return to_datetime(SYSTEM_CLOCK.now() - micros(text))
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time: write 2026-11-23T04:05 (UTC), or how long ago, such as 15m") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def read_json(text: str, what: str) -> Any:
    """Read a JSON value as it stands in the argument, from a file (`@file`) or from stdin (`-`).

    Raises `BadValue`.
    """
    if text == "-":
        raw = sys.stdin.buffer.read()
    elif text.startswith("@"):
        try:
            raw = Path(text[1:]).read_bytes()
        except OSError as error:
            raise BadValue(f"{what}: {text[1:]!r} cannot be read ({error.strerror}): check the path") from None
    else:
        raw = text.encode("utf-8", "surrogateescape")
    try:
        check_raw(raw, what)
    except BadValue as error:
        hint = "" if text == "-" or text.startswith("@") else """: write it in quotes, such as '{"count": 8}'"""
        raise BadValue(f"{error}{hint if 'is not JSON' in str(error) else ''}") from None
    return msgspec.json.decode(raw)


def read_arguments(text: str, what: str) -> dict[str, Any]:
    """Read a task's arguments: a JSON object by parameter name. Raises `BadValue`."""
    value = read_json(text, what)
    if not isinstance(value, dict):
        raise BadValue(f'{what} must be a JSON object by parameter name, such as {{"count": 8}}')
    return {str(name): each for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

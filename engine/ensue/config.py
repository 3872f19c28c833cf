"""Settings: arguments over the environment over `[tool.ensue]` in pyproject.toml over the defaults.

Each setting knows where it came from, so that `ensue config` can say it and an error can name the place.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

from ensue_core.defaults import DEFAULTS, Defaults
from ensue_core.errors import ConfigError

__all__ = ["DEFAULT_URL", "SETTINGS", "Settings", "Source", "redact", "resolve", "unknown_variables", "variable"]

DEFAULT_URL = "sqlite:///ensue.db"
"""The store where nothing else is said: a file in the directory the program runs in."""

INGEST = "ingest"
"""The table of topics below `[tool.ensue]`; only a file can say it."""

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
"""What `log_level` may be, in any case."""

Kind = Literal["argument", "environment", "file", "default"]


class Source(NamedTuple):
    """Where a setting came from: `where` is the argument, the variable, or the file and its key."""

    kind: Kind
    where: str


class Settings(msgspec.Struct, frozen=True):
    """The effective settings. `sources` names for each of `SETTINGS` where its value came from."""

    url: str
    app: str | None
    log_level: str
    defaults: Defaults
    sources: Mapping[str, Source]
    ingest: Mapping[str, tuple[object, str]] = {}
    """Topics by name, as `[tool.ensue.ingest]` says them, each with where it stands."""

    @property
    def app_id(self) -> str:
        """The namespace."""
        return self.defaults.app_id

    @property
    def service(self) -> str:
        """The program's service in the namespace."""
        return self.defaults.service

    def value(self, name: str) -> object:
        """Return one of `SETTINGS` by its name."""
        return getattr(self, name) if hasattr(self, name) else getattr(self.defaults, name)


_NUMBERS = {field.name: field.type for field in msgspec.structs.fields(Defaults)}
_TYPES: Mapping[str, type] = {"url": str, "app_id": str, "service": str, "app": str, "log_level": str, **_NUMBERS}
_PLAIN: Mapping[str, object] = {"url": DEFAULT_URL, "app": None, "log_level": "info"}

SETTINGS: tuple[str, ...] = tuple(_TYPES)
"""The name of every setting, as written in `[tool.ensue]`; `variable(name)` is its environment variable."""

_MAY_BE_ZERO = {"shutdown_grace_seconds"}
_WORDS = {str: "text", int: "a whole number", float: "a number"}


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"ENSUE_{name.upper()}"


def resolve(
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    defaults: Defaults | None = None,
    **arguments: object,
) -> Settings:
    """Return the settings that hold here; an argument of None says nothing.

    Of `defaults`, what differs from the documented ones counts as an argument. An empty variable counts as
    unset. Raises `ConfigError` with the file and the key, or the variable, and what to do.
    """
    given: dict[str, tuple[object, Source]] = {}
    for name, value, source in _said(os.environ if environ is None else environ, directory, defaults, arguments):
        given[name] = (_checked(name, value, source), source)
    sources = {name: given[name][1] if name in given else Source("default", "") for name in SETTINGS}
    file = nearest_pyproject(directory)
    values = {**_PLAIN, **{name: value for name, (value, _) in given.items()}}
    numbers: dict[str, Any] = {name: value for name, value in values.items() if name in _NUMBERS}
    settings = Settings(
        url=str(values["url"]),
        app=None if values["app"] is None else str(values["app"]),
        log_level=str(values["log_level"]),
        defaults=Defaults(**numbers),
        sources=MappingProxyType(sources),
        ingest=MappingProxyType({} if file is None else _topics(file)),
    )
    _check_together(settings)
    return settings


def _said(
    environ: Mapping[str, str], directory: Path | None, defaults: Defaults | None, arguments: Mapping[str, object]
) -> Iterator[tuple[str, object, Source]]:
    """Yield what each place says, the weakest first."""
    file = nearest_pyproject(directory)
    if file is not None:
        for name, value in _table(file).items():
            if name == INGEST:
                continue
            if name not in _TYPES:
                raise ConfigError(
                    f"{file}: [tool.ensue] has no key {name!r}: {_meant(name)}, `ensue config` lists all keys"
                )
            yield name, value, Source("file", f"{file} [tool.ensue] {name}")
    for name in SETTINGS:
        text = environ.get(variable(name), "")
        if text:
            yield name, _read(name, text), Source("environment", variable(name))
    if defaults is not None:
        for name in _NUMBERS:
            if getattr(defaults, name) != getattr(DEFAULTS, name):
                yield name, getattr(defaults, name), Source("argument", f"defaults.{name}")
    for name, value in arguments.items():
        if name not in _TYPES:
            raise ConfigError(f"no setting is called {name!r}: {_meant(name)}")
        if value is not None:
            yield name, value, Source("argument", name)


def nearest_pyproject(directory: Path | None = None) -> Path | None:
    """Return the first pyproject.toml from a directory (the current one) upwards."""
    start = (directory or Path.cwd()).absolute()
    return next((found for each in (start, *start.parents) if (found := each / "pyproject.toml").is_file()), None)


def _table(file: Path) -> dict[str, object]:
    try:
        document: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}): make it readable or remove it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML ({error}): correct the file") from None
    tool: object = document.get("tool", {})
    table: object = tool.get("ensue", {}) if isinstance(tool, dict) else {}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(table, dict):
        raise ConfigError(f'{file}: tool.ensue is not a table: write [tool.ensue] and keys such as url = "..." below')
    return {str(name): value for name, value in table.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _topics(file: Path) -> dict[str, tuple[object, str]]:
    """Return the topics that a file names; what they say is checked where they are declared."""
    table = _table(file).get(INGEST, {})
    if not isinstance(table, dict):
        raise ConfigError(f'{file}: tool.ensue.ingest is no table: write name = "kafka://broker:9092/topic" below it')
    return {str(name): (value, f"{file} [tool.ensue.ingest] {name}") for name, value in table.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _meant(name: str) -> str:
    close = get_close_matches(name, SETTINGS, 1)
    return f"did you mean {close[0]!r}?" if close else "check the spelling"


def _read(name: str, text: str) -> object:
    """Turn an environment variable's text into the setting's type, or leave it for the check to refuse."""
    wanted = _TYPES[name]
    try:
        return wanted(text.strip())
    except ValueError:
        return text


def _checked(name: str, value: object, source: Source) -> object:
    wanted = _TYPES[name]
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    place = source.where if source.kind != "argument" else f"{source.where}="
    shown = repr(redact(value) if isinstance(value, str) else value)
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise ConfigError(f"{place} is {shown}, not {_WORDS[wanted]}: write {_example(name)}")
    if isinstance(value, str):
        return _checked_text(name, value, place)
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number) or number < 0 or (number == 0 and name not in _MAY_BE_ZERO):
        raise ConfigError(f"{place} is {shown}: write a number greater than zero, such as {_example(name)}")
    return value


def _checked_text(name: str, value: str, place: str) -> str:
    shown = repr(redact(value))
    if not value.strip():
        raise ConfigError(f"{place} is empty: write {_example(name)} or leave it out")
    if name == "url" and ":" not in value:
        raise ConfigError(f"{place} is {shown}, which is no URL: write {_example(name)}")
    if name == "log_level":
        if value.lower() not in LOG_LEVELS:
            raise ConfigError(f"{place} is {shown}, not a log level: write one of {', '.join(LOG_LEVELS)}")
        return value.lower()
    if name in ("app_id", "service") and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise ConfigError(f"{place} is {shown}: write a name of letters, digits, '.', '_' and '-', at most 100")
    return value


def _example(name: str) -> str:
    examples = {"url": repr(DEFAULT_URL), "app": "'package.module:engine'", "log_level": "'info'"}
    return examples.get(name) or repr(getattr(DEFAULTS, name))


def _check_together(settings: Settings) -> None:
    lease, heartbeat = settings.defaults.lease_seconds, settings.defaults.heartbeat_seconds
    if heartbeat * 2 > lease:
        where = ", ".join(
            f"{name} from {settings.sources[name].where or 'the defaults'}"
            for name in ("lease_seconds", "heartbeat_seconds")
        )
        raise ConfigError(
            f"lease_seconds ({lease:g}) must be at least twice heartbeat_seconds ({heartbeat:g}), or work is lost to "
            f"others while it runs ({where}): raise the one or lower the other"
        )


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return the variables that begin with ENSUE_ and are no setting, each with a hint."""
    known = {variable(name) for name in SETTINGS}
    found = sorted(name for name in (os.environ if environ is None else environ) if name.startswith("ENSUE_"))
    hints = {name: get_close_matches(name, known, 1) for name in found if name not in known}
    return [(name, f"did you mean {close[0]}?" if close else "it is not used") for name, close in hints.items()]


_SECRET = re.compile(r"(?i)([?&;](?:[\w.-]*(?:password|passwd|secret|token|apikey|api_key))=)[^&;#\s]*")
# Greedy up to the last "@": a password that holds "/" or "@" itself is hidden whole.
_USERINFO = re.compile(r"(?<=://)([^:/?#@\s]*):\S*@")


def redact(url: str) -> str:
    """Return a URL with its passwords hidden, fit to be printed; other text comes back as it is."""
    return _SECRET.sub(r"\1***", _USERINFO.sub(r"\1:***@", url))

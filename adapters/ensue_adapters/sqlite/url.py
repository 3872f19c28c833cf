"""`sqlite:///news.db?synchronous=normal`: where the file is, and how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote

import msgspec

from ensue_core.defaults import DEFAULTS
from ensue_core.errors import ConfigError

Synchronous = Literal["full", "normal"]
_FORM = "write sqlite:///news.db (relative) or sqlite:////srv/news.db (absolute)"


class Place(msgspec.Struct, frozen=True):
    """A file and the settings it is opened with.

    `synchronous=normal` may lose the last commits with the power. `busy_seconds` bounds the wait for other
    processes, `poll_seconds` is how often other processes' commits are looked for, `hint=0` looks only so.
    """

    path: Path
    synchronous: Synchronous = "full"
    busy_seconds: float = 10.0
    poll_seconds: float = DEFAULTS.poll_seconds
    hint: bool = True
    force_network: bool = False


def parse_url(url: str) -> Place:
    """Read a URL; raises `ConfigError` for one of another form."""
    if not url.startswith("sqlite:///"):
        raise ConfigError(f"{url!r} is not a SQLite URL: {_FORM}")
    name, _, query = url.removeprefix("sqlite:///").partition("?")
    name = unquote(name)
    if name == ":memory:" or name.startswith("file:"):
        raise ConfigError(f"{url!r}: SQLite's own memory databases are not shared: use the URL memory: instead")
    if not name or name.endswith("/"):
        raise ConfigError(f"{url!r} names no file: {_FORM}")
    settings: dict[str, object] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            raise ConfigError(f"{url!r}: unknown option {key!r}, known are {', '.join(sorted(_OPTIONS))}")
        field, read = _OPTIONS[key]
        try:
            settings[field] = read(text)
        except ValueError:
            raise ConfigError(f"{url!r}: {text!r} does not fit option {key!r}") from None
    return msgspec.convert({"path": Path(name), **settings}, Place, strict=False)


def _synchronous(text: str) -> str:
    if text.lower() not in ("full", "normal"):
        raise ValueError(text)
    return text.lower()


def _yes(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError(text)
    return text.lower() in ("1", "true", "yes")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 3600:
        raise ValueError(text)
    return seconds


_OPTIONS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "synchronous": ("synchronous", _synchronous),
    "busy": ("busy_seconds", _seconds),
    "poll": ("poll_seconds", _seconds),
    "hint": ("hint", _yes),
    "force_network": ("force_network", _yes),
}

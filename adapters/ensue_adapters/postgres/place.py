"""`postgresql://user:password@host:5432/db?schema=ensue`: where the server is, and how it is spoken to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ensue_core.errors import ConfigError

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
_FORM = "write postgresql://user:password@host:5432/database?schema=ensue"
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Place(msgspec.Struct, frozen=True):
    """A server, a database, a schema in it, and the settings they are used with.

    `listen` is the address for LISTEN where the others go through a pooler. `pooled` says that a pooler shares
    connections by transaction, so that nothing is left on a connection. `poll_seconds` is how often others'
    commits are looked for where the hint works, `deaf_poll_seconds` where it does not.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    database: str
    user: str | None = None
    password: str | None = None
    schema: str = "ensue"
    sslmode: SslMode = "prefer"
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    listen: str | None = None
    pooled: bool = False
    connections_max: int = 8
    connect_seconds: float = 10.0
    command_seconds: float = 60.0
    poll_seconds: float = 1.0
    deaf_poll_seconds: float = 0.05
    application: str = "ensue"

    @property
    def name(self) -> str:
        """The place as people know it, without secrets."""
        where = ",".join(f"{host}:{port}" for host, port in zip(self.hosts, self.ports, strict=True))
        return f"{where}/{self.database}"

    def __repr__(self) -> str:
        return f"Place({self.name}, schema {self.schema})"


def parse_url(url: str) -> Place:
    """Read a URL; raises `ConfigError` for one of another form."""
    shown = redacted(url)
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError(f"{shown!r} is not a Postgres URL: {_FORM}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(f"{shown!r} is not a URL: {_FORM}") from None
    settings = _options(parts.query, shown)
    where, user, password = _authority(parts.netloc)
    if "hosts" in settings:
        where = str(settings.pop("hosts"))
    hosts, ports = _hosts(where, shown)
    database = unquote(parts.path.lstrip("/"))
    if not database or "/" in database:
        raise ConfigError(f"{shown!r} names no database: {_FORM}")
    if "sslmode" not in settings and not all(is_near(host) for host in hosts):
        settings["sslmode"] = "verify-full"
    values: dict[str, object] = {"hosts": hosts, "ports": ports, "database": database}
    return msgspec.convert({**values, "user": user, "password": password, **settings}, Place)


def is_near(host: str) -> bool:
    """Whether a host is this machine, so that nothing crosses a network."""
    return host in _LOOPBACK or host.startswith("/")


def redacted(url: str) -> str:
    """Return a URL without its password."""
    return re.sub(r"(?<=://)([^:/?#@\s]*):\S*@", r"\1:***@", url)


def _authority(netloc: str) -> tuple[str, str | None, str | None]:
    credentials, at, where = netloc.rpartition("@")
    if not at:
        return where, None, None
    user, colon, password = credentials.partition(":")
    return where, unquote(user) or None, unquote(password) if colon else None


def _hosts(where: str, shown: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    hosts: list[str] = []
    ports: list[int] = []
    for each in (where or "localhost").split(","):
        host, port = each, ""
        if each.startswith("["):
            host, _, port = each[1:].partition("]")
            port = port.removeprefix(":")
        elif not each.startswith("/"):
            host, _, port = each.partition(":")
        if port and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ConfigError(f"{shown!r}: {port!r} is not a port: {_FORM}")
        hosts.append(unquote(host) or "localhost")
        ports.append(int(port) if port else 5432)
    return tuple(hosts), tuple(ports)


def _options(query: str, shown: str) -> dict[str, object]:
    settings: dict[str, object] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in _READERS:
            raise ConfigError(f"{shown!r}: unknown option {key!r}, known are {', '.join(sorted(_READERS))}")
        field, read = _READERS[key]
        try:
            settings[field] = read(text)
        except ValueError:
            raise ConfigError(f"{shown!r}: {text!r} does not fit option {key!r}{_HINTS.get(key, '')}") from None
    return settings


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text) or text.startswith("pg_"):
        raise ValueError(text)
    return text


def _sslmode(text: str) -> str:
    if text not in get_args(SslMode):
        raise ValueError(text)
    return text


def _some(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise ValueError(text)
    return seconds


def _connections(text: str) -> int:
    number = int(text)
    if not 2 <= number <= 200:
        raise ValueError(text)
    return number


def _pooled(text: str) -> bool:
    if text not in ("session", "transaction"):
        raise ValueError(text)
    return text == "transaction"


def _uncached(text: str) -> bool:
    if text != "0":
        raise ValueError(text)
    return True


_HINTS = {
    "schema": ": lower case letters, digits and underscores, at most 40",
    "sslmode": f": one of {', '.join(get_args(SslMode))}",
    "pooler": ": session or transaction",
    "pool": ": a number of connections from 2 to 200",
}
_READERS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "schema": ("schema", _schema),
    "host": ("hosts", _some),
    "sslmode": ("sslmode", _sslmode),
    "sslrootcert": ("sslrootcert", _some),
    "sslcert": ("sslcert", _some),
    "sslkey": ("sslkey", _some),
    "listen": ("listen", _some),
    "pooler": ("pooled", _pooled),
    "statement_cache_size": ("pooled", _uncached),
    "pool": ("connections_max", _connections),
    "connect_timeout": ("connect_seconds", _seconds),
    "command_timeout": ("command_seconds", _seconds),
    "poll": ("poll_seconds", _seconds),
    "application_name": ("application", _some),
}

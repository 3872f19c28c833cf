"""`kafka://user:password@host:9092,host:9092/name?tls=on`: where the brokers are, and how they are spoken to.

| option | meaning |
|---|---|
| `tls` | `on` or `off`; on where a user or a certificate is given, unless the brokers are on this machine |
| `cafile`, `certfile`, `keyfile` | PEM files: whom to believe, who we are |
| `sasl` | `plain` (the default with a user), `scram-sha-256` or `scram-sha-512` |
| `password_env` | the environment variable that holds the password, in place of the URL |
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ensue_adapters.kafka.hush import hush
from ensue_core.errors import ConfigError

_FORM = "write kafka://broker:9092/topic"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MECHANISMS = ("plain", "scram-sha-256", "scram-sha-512")
OPTIONS = ("tls", "cafile", "certfile", "keyfile", "sasl", "password_env")


class Place(msgspec.Struct, frozen=True):
    """Brokers, a name on them (a topic, or what the caller takes it for), and how to connect."""

    brokers: tuple[str, ...]
    name: str
    user: str | None = None
    password: str | None = None
    mechanism: str = "plain"
    tls: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    @property
    def shown(self) -> str:
        """The brokers as people know them, without secrets."""
        return ",".join(self.brokers)

    def __repr__(self) -> str:
        return f"Place({self.shown}/{self.name})"

    def client(self) -> dict[str, Any]:
        """Return what every client of aiokafka is made with. Raises `ConfigError` for files that cannot be read."""
        hush()
        protocol = ("SASL_" if self.user is not None else "") + ("SSL" if self.tls else "PLAINTEXT")
        arguments: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "client_id": "ensue",
            "security_protocol": protocol,
        }
        if self.tls:
            arguments["ssl_context"] = self._context()
        if self.user is not None:
            arguments["sasl_mechanism"] = self.mechanism.upper()
            arguments["sasl_plain_username"] = self.user
            arguments["sasl_plain_password"] = self.password
        return arguments

    def _context(self) -> ssl.SSLContext:
        for option, file in (("cafile", self.cafile), ("certfile", self.certfile), ("keyfile", self.keyfile)):
            if file is not None and not os.access(file, os.R_OK):
                raise ConfigError(f"{option}={file} cannot be read: check the path and its rights")
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError(f"the certificates for {self.shown} cannot be used ({error}): give PEM files") from None
        return context


def parse_url(url: str, environ: Mapping[str, str] | None = None) -> tuple[Place, dict[str, str]]:
    """Read a URL; return the place and the options that are not about connecting. Raises `ConfigError`."""
    shown = redacted(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(f"{shown!r} is not a URL: {_FORM}") from None
    if parts.scheme != "kafka":
        raise ConfigError(f"{shown!r} is not a Kafka URL: {_FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    own = {name: options.pop(name) for name in OPTIONS if name in options}
    credentials, at, where = parts.netloc.rpartition("@")
    user, colon, password = credentials.partition(":")
    brokers = _brokers(where, shown)
    secret = unquote(password) if colon else None
    if "password_env" in own:
        if secret is not None:
            raise ConfigError(f"{shown!r} has a password and password_env: keep one of them")
        secret = (os.environ if environ is None else environ).get(own["password_env"])
        if secret is None:
            raise ConfigError(f"{shown!r}: the environment has no {own['password_env']}, which shall hold the password")
    place = Place(
        brokers,
        unquote(parts.path.strip("/")),
        unquote(user) if at else None,
        secret,
        own.get("sasl", "plain"),
        _tls(own, bool(at), brokers, shown),
        own.get("cafile"),
        own.get("certfile"),
        own.get("keyfile"),
    )
    _check(place, own, shown)
    return place, options


def redacted(url: str) -> str:
    """Return a URL without its password."""
    return re.sub(r"(?<=://)([^:/?#@\s]*):\S*@", r"\1:***@", url)


def _brokers(where: str, shown: str) -> tuple[str, ...]:
    found: list[str] = []
    for each in where.split(","):
        host, port = _split(each)
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(f"{shown!r}: {each!r} is no broker's host:port: {_FORM}")
        found.append(f"{host}:{port}")
    return tuple(found)


def _split(broker: str) -> tuple[str, str]:
    """Return host and port; an IPv6 address stands in brackets."""
    if broker.startswith("["):
        host, _, port = broker.partition("]")
        return host + "]", port.removeprefix(":") or "9092"
    host, _, port = broker.partition(":")
    return host, port or "9092"


def _is_near(broker: str) -> bool:
    return broker.rpartition(":")[0].strip("[]") in _LOOPBACK


def _tls(own: Mapping[str, str], user: bool, brokers: tuple[str, ...], shown: str) -> bool:
    said = own.get("tls")
    if said not in (None, "on", "off"):
        raise ConfigError(f"{shown!r}: tls={said} is unclear: write tls=on or tls=off")
    if said is not None:
        return said == "on"
    return "cafile" in own or "certfile" in own or (user and not all(_is_near(each) for each in brokers))


def _check(place: Place, own: Mapping[str, str], shown: str) -> None:
    """Refuse what is written by half, and a password that would cross a network in the clear."""
    if place.mechanism not in _MECHANISMS:
        raise ConfigError(f"{shown!r}: sasl={place.mechanism} is unknown: write {', '.join(_MECHANISMS)}")
    if place.user is not None and (not place.user or place.password is None):
        raise ConfigError(f"{shown!r} has half of its credentials: write user:password@, or password_env=VARIABLE")
    if place.user is None and ("sasl" in own or "password_env" in own):
        raise ConfigError(f"{shown!r} says how to log in but not as whom: write user:password@ before the host")
    if place.keyfile is not None and place.certfile is None:
        raise ConfigError(f"{shown!r} has a keyfile without its certfile: name both")
    if not place.tls and (place.cafile or place.certfile):
        raise ConfigError(f"{shown!r} names certificates and says tls=off: leave one of them out")
    plain = place.user is not None and not place.tls and place.mechanism == "plain"
    if plain and not all(_is_near(each) for each in place.brokers):
        raise ConfigError(
            f"{shown!r} would send its password in the clear: leave tls=off out, or use sasl=scram-sha-512"
        )

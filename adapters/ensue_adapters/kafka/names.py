"""The names of a namespace's topics: what the URL says, the namespace, the role."""

from __future__ import annotations

import re
from hashlib import blake2b

from ensue_core.errors import ConfigError

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_NAME_MAX = 249
DEFAULT_NAMESPACE = "default"


def check_prefix(name: str, shown: str) -> str:
    """Return the name that topics begin with. Raises `ConfigError` where topics cannot be called so."""
    if not _PLAIN.fullmatch(name):
        raise ConfigError(
            f"{shown!r} names no log: write kafka://broker:9092/name?views=..., the name of letters, digits, - and _"
        )
    return name


def topic(prefix: str, namespace: str, role: str) -> str:
    """Return a topic's name: `shop.events`, and `shop.<namespace>.events` where that is not the default one."""
    middle = "" if namespace == DEFAULT_NAMESPACE else f".{_escaped(namespace)}"
    name = f"{prefix}{middle}.{role}"
    if len(name) <= _NAME_MAX:
        return name
    short = blake2b(namespace.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{prefix}.{short}.{role}"


def _escaped(namespace: str) -> str:
    """Write a namespace in the letters that topics may have, so that different ones stay different."""
    raw = namespace.encode("utf-8", "surrogatepass")
    return "".join(chr(each) if (chr(each).isalnum() and each < 128) or each == 45 else f"_{each:02x}" for each in raw)

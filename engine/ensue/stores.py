"""From a URL to a store: looked up in the entry-point group `ensue.stores`, so that anyone can add one."""

from __future__ import annotations

from importlib.metadata import entry_points

from ensue_core.clock import Clock
from ensue_core.errors import ConfigError
from ensue_core.ports import OpenStore, Store

GROUP = "ensue.stores"
_EXTRAS = {"postgresql": "postgres", "postgres": "postgres", "kafka": "kafka"}


def open_store(url: str, namespace: str, clock: Clock) -> Store:
    """Return the store that a URL names, not yet open.

    Raises `ConfigError` where the URL has no scheme or no adapter here serves it.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme:
        raise ConfigError(f"store URL {url!r} has no scheme: write sqlite:///file.db or memory:")
    found = entry_points(group=GROUP, name=scheme)
    if not found:
        known = ", ".join(sorted({each.name for each in entry_points(group=GROUP)})) or "none installed"
        hint = f"; try pip install 'ensue[{_EXTRAS[scheme]}]'" if scheme in _EXTRAS else ""
        raise ConfigError(f"no store for {scheme!r} URLs (known: {known}){hint}")
    try:
        opener: OpenStore = next(iter(found)).load()
    except ImportError as error:
        extra = _EXTRAS.get(scheme, scheme)
        raise ConfigError(f"the store for {scheme!r} needs {error.name}: pip install 'ensue[{extra}]'") from None
    return opener(url, namespace, clock)

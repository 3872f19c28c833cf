"""From a URL to a topic: looked up in the entry-point group `ensue.topics`, so that anyone can add one."""

from __future__ import annotations

from importlib.metadata import entry_points

from ensue.config import redact
from ensue_core.clock import Clock
from ensue_core.errors import ConfigError
from ensue_core.topics import OpenTopic, Topic

__all__ = ["GROUP", "opener_of"]

GROUP = "ensue.topics"
_EXTRAS = {"kafka": "kafka"}


def opener_of(url: str) -> OpenTopic:
    """Return what opens topics of a URL's scheme. Raises `ConfigError` where nothing here does."""
    scheme, _, _ = url.partition(":")
    found = entry_points(group=GROUP, name=scheme)
    if not found:
        known = ", ".join(sorted({each.name for each in entry_points(group=GROUP)})) or "none installed"
        raise ConfigError(
            f"{redact(url)!r}: no topics for {scheme!r} URLs (known: {known}): write kafka://host:9092/topic"
        )
    try:
        opener: OpenTopic = next(iter(found)).load()
    except ImportError as error:
        extra = _EXTRAS.get(scheme, scheme)
        raise ConfigError(f"topics of {scheme!r} need {error.name}: pip install 'ensue[{extra}]'") from None
    return opener


def open_topic(url: str, namespace: str, clock: Clock) -> Topic:
    """Return the topic that a URL names, not yet open. Raises `ConfigError`."""
    return opener_of(url)(url, namespace, clock)

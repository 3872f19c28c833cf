"""Durations as people write them: `"15m"`, `"1h30m"`, `"100ms"`, a timedelta or seconds."""

from __future__ import annotations

import re
from datetime import timedelta

from ensue_core.errors import BadDuration

Duration = timedelta | str | int | float

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def micros(duration: Duration) -> int:
    """Return a duration in microseconds.

    A number counts seconds. Raises `BadDuration` for anything that is not a positive, finite length.
    """
    if isinstance(duration, bool):
        raise BadDuration(duration)
    if isinstance(duration, timedelta):
        total = (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
    elif isinstance(duration, (int, float)):
        if not 0 < duration < 1e10:
            raise BadDuration(duration)
        total = round(duration * 1_000_000)
    else:
        text = duration.strip().lower()
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise BadDuration(duration)
        total = round(sum(float(number) * _UNITS[unit] for number, unit in parts))
    if total <= 0:
        raise BadDuration(duration)
    return total


def said_duration(length: int) -> str:
    """Write microseconds as people would: `1h30m`, `250ms`."""
    said, left = "", length
    for unit in ("d", "h", "m", "s"):
        whole, left = divmod(left, _UNITS[unit])
        said += f"{whole}{unit}" if whole else ""
    return said + (f"{left / 1_000:g}ms" if left or not said else "")

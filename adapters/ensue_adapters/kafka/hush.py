"""Keeps the client from writing passwords into the log: at level DEBUG it shows every request as it is sent."""

from __future__ import annotations

import logging

_LOGGER = "aiokafka.conn"


class _Hush(logging.Filter):
    """Replaces what logging in sends."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without the secrets."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(each) for each in record.args)
        return True


def _hidden(argument: object) -> object:
    name = type(argument).__name__
    return f"{name}(***)" if name.startswith("SaslAuthenticate") else argument


_hush = _Hush()


def hush() -> None:
    """Hide secrets from now on. Repeating it does nothing."""
    logging.getLogger(_LOGGER).addFilter(_hush)

"""What goes wrong on a user's connection, as one sentence; what its transaction brings about stays the driver's own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ensue_adapters.postgres.callers import ABORTED, CLOSED
from ensue_adapters.postgres.place import Place
from ensue_core.errors import BadConnection, EnsueError


@contextmanager
def refusing(place: Place) -> Generator[None]:
    """Raise what is wrong with the connection itself as `BadConnection`, and anything else as it came."""
    try:
        yield
    except EnsueError:
        raise
    except Exception as error:
        sentence = _sentence(error, place)
        if sentence is None:
            raise
        raise BadConnection(sentence) from error


def _sentence(error: BaseException, place: Place) -> str | None:
    where = f"schema {place.schema!r}"
    match _state_of(error):
        case "25P02":
            return ABORTED
        case "25006":
            return "the connection's transaction is read-only: open one that may write, or leave connection= out"
        case "42883" | "3F000" | "3D000" | "42P01":
            return (
                f"the connection leads to a database without {where}, or with an old one: connect to {place.name}, or "
                "run `ensue db upgrade` there"
            )
        case "42501":
            return f"the connection's role may not use {where} ({_first_line(error)}): GRANT USAGE ON SCHEMA to it"
        case _:
            return _of_client(error)


def _of_client(error: BaseException) -> str | None:
    """What the libraries say before a server is asked."""
    text = str(error)
    match type(error).__name__:
        case "PendingRollbackError":
            return ABORTED
        case "ResourceClosedError" | "AsyncContextNotStarted":
            return CLOSED
        case "UnboundExecutionError":
            return f"the session knows no engine to connect with ({_first_line(error)}): give it one with bind="
        case "InterfaceError" if "another operation is in progress" in text:
            return "the connection is busy with another statement: emit when that has ended"
        case "InterfaceError" | "OperationalError" if "closed" in text or "released back to the pool" in text:
            return CLOSED
        case _:
            return None


def _state_of(error: BaseException) -> str | None:
    """The server's five letters, which each driver keeps in a place of its own."""
    original = getattr(error, "orig", None)
    for each in (error, original):
        for name in ("sqlstate", "pgcode"):
            state = getattr(each, name, None)
            if isinstance(state, str):
                return state
    return None


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]

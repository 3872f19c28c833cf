"""Exceptions as they are stored: whatever a body raised, this neither raises nor grows without a bound."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from traceback import FrameSummary, StackSummary, extract_tb
from types import TracebackType
from typing import cast

import ensue
import ensue_core
from ensue.functions import qualified_name
from ensue_core.defaults import DEFAULTS, Defaults
from ensue_core.facts import Failure

__all__ = ["capture"]

DEPTH_MAX = 3
"""How deep groups, causes and contexts are followed."""

MEMBERS_MAX = 10
FRAMES_MAX = 30
BASES_MAX = 20
NAME_MAX = 500
CUT = "\n... (cut) ...\n"

_MACHINERY = (
    *(f"{Path(file).parent}/" for file in (ensue.__file__, ensue_core.__file__, asyncio.__file__) if file),
    threading.__file__,
    contextvars.__file__,
)


def capture(error: BaseException, defaults: Defaults = DEFAULTS) -> Failure:
    """Return an exception as a fact holds it.

    The type and its bases are qualified names; the text is guarded (`__str__` may raise) and cut; the
    traceback shows the user's frames, with causes and the members of groups to a depth of three.
    """
    kind = type(error)
    try:
        lines = "".join(_lines(error, 0, set()))
    except BaseException as failed:
        lines = f"(the traceback could not be written: {type(failed).__name__})"
    return Failure(
        type=_name(kind),
        message=text_of(error, defaults.exception_text_max),
        bases=tuple(_name(each) for each in type.mro(kind)[1:-1][:BASES_MAX]),
        traceback=_middle_cut(_clean(lines), defaults.traceback_text_max),
    )


def text_of(error: BaseException, limit: int = DEFAULTS.exception_text_max) -> str:
    """Return an exception's text, cut; what its `__str__` raises instead is named."""
    try:
        text = str(error)
        return _clean(text if len(text) <= limit else f"{text[:limit]}... (cut)")
    except BaseException as failed:
        return f"<{_name(type(error))} whose text raised {_name(type(failed))}>"


def _name(kind: type) -> str:
    """Return a class's qualified name; bare names are found as its last part."""
    return _clean(qualified_name(kind)[-NAME_MAX:])


def _clean(text: str) -> str:
    """Return text that can be stored: lone surrogates are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _middle_cut(text: str, limit: int) -> str:
    """Keep the beginning and, mostly, the end, where it happened."""
    if len(text) <= limit:
        return text
    return text[: limit // 4] + CUT + text[-(limit - limit // 4) :]


def _lines(error: BaseException, depth: int, seen: set[int]) -> Iterator[str]:
    """Yield an exception's cause, frames, text and members, indented by depth."""
    indent = "  " * depth
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and depth < DEPTH_MAX and id(before) not in seen:
        yield from _lines(before, depth + 1, seen)
        yield f"{indent}{'which caused' if error.__cause__ else 'and then came'}:\n"
    for line in "".join(StackSummary.from_list(_frames(error.__traceback__)).format()).splitlines():
        yield f"{indent}{line}\n"
    yield f"{indent}{_name(type(error))}: {text_of(error, 500)}\n"
    if isinstance(error, BaseExceptionGroup) and depth < DEPTH_MAX:
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        for member in members[:MEMBERS_MAX]:
            if id(member) not in seen:
                yield f"{indent}  with:\n"
                yield from _lines(member, depth + 1, seen)
        if len(members) > MEMBERS_MAX:
            yield f"{indent}  and {len(members) - MEMBERS_MAX} more\n"


def _frames(trace: TracebackType | None) -> list[FrameSummary]:
    """Return the frames from the first one that is not the engine's, the last ones where they are many."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_MACHINERY):
        trace = trace.tb_next
    limit = min(FRAMES_MAX, sys.getrecursionlimit())
    return list(extract_tb(trace, limit=-limit)) if trace is not None else []

"""What became of something: read back from the engine, flattened for checking, drawn for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from scenarios import Call, Calls, call

from ensue import Engine, InvocationDetail, Node


@dataclass(frozen=True)
class Line:
    """One line of a drawn tree. `delay` is the milliseconds from cause to start, of a task that started."""

    text: str
    detail: str = ""
    delay: float | None = None
    status: str = ""
    error: str = ""


@dataclass(frozen=True)
class Story:
    """All that hangs from one id: the calls that were made, and the tree as lines."""

    calls: Calls
    invocations: dict[str, InvocationDetail]
    lines: list[Line]
    delays: list[float]


async def story_of(engine: Engine, id: str) -> Story:
    """Read back what an event, an invocation or a slot of a schedule led to."""
    traced = await engine.trace(id)
    story = Story(Calls(), {}, [], [])
    await _tell(engine, story, traced.root, None, "", "")
    return story


async def _tell(engine: Engine, story: Story, node: Node, run: Node | None, stem: str, turn: str) -> None:
    """Add one node and all below it; a run shows as the tasks that it started."""
    if node.kind == "run":
        if node.status != "fired":
            story.lines.append(Line(f"{stem}{turn}{node.name}", status=node.status, error=node.error))
        for child in node.children:
            await _tell(engine, story, child, node, stem, turn)
        return
    only = _only_call(node)
    if only is not None:
        # What an event starts stands on its line, where it starts one thing.
        await _tell_invocation(engine, story, *only, f"{stem}{turn}{_named(node)} → ")
        node = only[0]
    elif node.kind == "invocation" and not node.again:
        await _tell_invocation(engine, story, node, run, stem + turn)
    else:
        payload = (await engine.events.get(node.id)).payload if node.kind == "event" else None
        story.lines.append(Line(f"{stem}{turn}{_named(node)}", shown(payload)))
    below = stem + {"": "", "├─ ": "│  ", "└─ ": "   "}[turn]
    for child, last in _marked(node.children):
        await _tell(engine, story, child, None, below, "└─ " if last else "├─ ")


async def _tell_invocation(engine: Engine, story: Story, node: Node, run: Node | None, stem: str) -> None:
    found = await engine.invocations.get(node.id)
    story.invocations[node.id] = found
    story.calls[call_of(found)] += 1
    delay = delay_of(found, run)
    if delay is not None:
        story.delays.append(delay)
    short = found.task.rpartition(".")[2]
    message = found.error_message or ""
    story.lines.append(Line(stem + short, shown(found.arguments), delay, str(found.status), message))


def _only_call(node: Node) -> tuple[Node, Node] | None:
    """Return the one invocation that an event or a slot led to, and its run, where it is only one."""
    if node.kind not in ("event", "slot") or len(node.children) != 1:
        return None
    (run,) = node.children
    calls = [child for child in run.children if child.kind == "invocation" and not child.again]
    return (calls[0], run) if len(calls) == 1 else None


def _named(node: Node) -> str:
    return f"{node.time:%H:%M:%S}" if node.kind == "slot" and node.time else node.name


def call_of(found: InvocationDetail) -> Call:
    """Write down what ran; an invocation that took more than one attempt says so and equals no expected call."""
    status = str(found.status)
    return call(found.task, found.arguments, status if found.attempts == 1 else f"{status}, {found.attempts} attempts")


def delay_of(found: InvocationDetail, run: Node | None) -> float | None:
    """Return the milliseconds from the last thing that a call waited for to its start, in log time."""
    if not found.tries:
        return None
    times = [each.time for each in run.participants if each.time] if run else []
    cause: datetime = max(times) if times else found.registered
    return (found.tries[0].started - cause).total_seconds() * 1000


def _marked(children: tuple[Node, ...]) -> Iterator[tuple[Node, bool]]:
    return ((child, number == len(children)) for number, child in enumerate(children, 1))


def shown(values: Any) -> str:
    """Return arguments or a payload in few words."""
    if not isinstance(values, dict):
        return ""
    named = cast("dict[str, Any]", values)
    return " ".join(f"{name}={_short(value)}" for name, value in named.items() if name not in ("text", "title"))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"

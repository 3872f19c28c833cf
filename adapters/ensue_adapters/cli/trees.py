"""A trace as a tree: what came first on top, and below each thing what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from ensue.trace import Node, Trace
from ensue_adapters.cli.output import STYLES, brief, lasting, out, plain, print_renderable, say

_INDENT = 4


def print_trace(trace: Trace) -> None:
    """Print the tree; the thing that was asked for is marked where it is not the root."""
    console = out()
    begun = trace.root.time
    tree = Tree(_line(trace.root, None, trace, begun, 0, console), guide_style="dim")
    _hang(tree, trace.root, trace, begun, 1, console)
    print_renderable(tree)
    if begun is not None:
        say(f"began {plain(begun)}" + ("; some effects are left out" if trace.omitted else ""))


def _hang(tree: Tree, node: Node, trace: Trace, begun: datetime | None, depth: int, console: Console) -> None:
    """Hang a node's effects below it; a run and its invocation are one line."""
    for child in node.children:
        called = child.children[0] if child.kind == "run" and len(child.children) == 1 else None
        branch = tree.add(_line(child, called, trace, begun, depth, console))
        _hang(branch, called or child, trace, begun, depth + 1, console)
    if node.omitted:
        tree.add(Text(f"... and more ({node.omitted} or above)", style="dim"))


def _line(
    node: Node, called: Node | None, trace: Trace, begun: datetime | None, depth: int, console: Console
) -> RenderableType:
    text = _head(node, called)
    if node.time is not None and begun is not None and depth:
        text.append(f"  {_after((node.time - begun).total_seconds())}", style="dim")
    marked = trace.target in (node.id, called.id if called else "") and depth
    if marked:
        text.append("  <- this", style="bold")
    id = called.id if called else node.id
    room = console.width - depth * _INDENT - text.cell_len - 2
    shown = id if room >= len(id) else f"…{id[-8:]}" if room > 8 else ""
    text.append(f"  {shown}", style="dim")
    below = [Text(f"because of {each}", style="dim") for each in _because(node)]
    error = (called.error if called else "") or node.error
    if error:
        below.append(Text(brief(error), style="red", overflow="ellipsis", no_wrap=True))
    return Group(text, *below) if below else text


def _head(node: Node, called: Node | None) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    match node.kind:
        case "event":
            text.append("event ").append(node.name, style="bold")
            if not node.children and not node.again:
                text.append("  waits for partners" if node.matched else "  nothing reacted", style="dim")
        case "run":
            text.append("trigger ").append(node.name, style="bold").append(" ")
            text.append(node.status, style=STYLES.get(node.status, ""))
            if node.author:
                text.append(f" by {node.author}")
            if called is not None:
                text.append(" → ").append_text(_invocation(called))
        case "invocation":
            text.append("task ").append_text(_invocation(node))
        case "slot" | "poll" | "record":
            text.append(node.name, style="bold")
    if node.again or (called is not None and called.again):
        text.append("  (see above)", style="dim")
    return text


def _invocation(node: Node) -> Text:
    text = Text(node.name, style="bold")
    text.append(" ").append(node.status, style=STYLES.get(node.status, "not bold"))
    if node.seconds is not None:
        text.append(f" in {lasting(node.seconds)}", style="not bold")
    if node.attempts > 1:
        text.append(f", {node.attempts} tries", style="not bold")
    return text


def _because(node: Node) -> Sequence[str]:
    """Name the participants of a join; of a lone one the tree says it already."""
    if len(node.participants) < 2:
        return ()
    return [f"{'event ' if each.kind == 'event' else ''}{each.name} …{each.source[-8:]}" for each in node.participants]


def _after(seconds: float) -> str:
    return f"+{lasting(seconds)}" if seconds >= 0 else "earlier"

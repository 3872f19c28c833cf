"""What the demo prints: aligned, in colour on a terminal, plain elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from check import COPIES, SCHEDULES, Outcome, middle_and_worst
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scenarios import Scenario
from story import Line

from ensue import TriggerView

STYLES = {"SUCCESS": "green", "FAILED": "red"}
WIDTH_MAX = 110


class Report:
    """Prints as things happen."""

    def __init__(self) -> None:
        console = Console(highlight=False, soft_wrap=False)
        width = min(console.width, WIDTH_MAX) if console.is_terminal else 100
        self._console = Console(highlight=False, width=width)

    def opening(self, url: str, feeds: str) -> None:
        """Say where things are."""
        self._console.print("[bold]The news desk[/bold]: ten tasks, six patterns, nobody calls one after the other.")
        self._console.print(f"store  {url}\nfeeds  {feeds} (RSS and Atom documents of this example)")
        self._console.print("times  from a cause to the start of its effect, by the clock of the log")

    def worker_is_ready(self, pid: int, triggers: Sequence[TriggerView]) -> None:
        """Say what the worker has declared."""
        self._console.print(f"worker process {pid}, {len(triggers)} triggers:")
        grid = Table.grid(padding=(0, 2, 0, 2))
        for each in triggers:
            grid.add_row(each.task.rpartition(".")[2], Text(each.sentence.replace("news.", ""), "dim"))
        self._console.print(grid)

    def scenario(self, number: int, scenario: Scenario, outcome: Outcome) -> None:
        """Show one scenario: what it shows, what caused what, and whether it is as expected."""
        self._console.print()
        self._heading(f"{number}. {scenario.title}", outcome)
        self._console.print(Text(scenario.says, "dim"))
        self._tree([line for story in outcome.stories for line in story.lines])
        for note in outcome.notes:
            self._console.print(note)
        self._troubles(outcome)

    def crowd(self, outcomes: Mapping[Scenario, Outcome]) -> None:
        """Show all scenarios that were fired at once, a line each."""
        self._console.print()
        whole = Outcome([], [each for outcome in outcomes.values() for each in outcome.troubles])
        self._heading(f"All at once, {COPIES} times each", whole)
        grid = Table.grid(padding=(0, 2))
        for scenario, outcome in outcomes.items():
            calls = sum(len(story.invocations) for story in outcome.stories)
            grid.add_row(scenario.title, f"{calls} calls", Text(middle_and_worst(outcome.delays), "cyan"))
        self._console.print(grid)
        self._troubles(whole)

    def other_feed(self, url: str, outcome: Outcome) -> None:
        """Show what came of the reader's own feed."""
        self._console.print()
        self._heading(f"Your feed, {url}", outcome, well="read", ill="could not be read")
        self._tree([line for story in outcome.stories for line in story.lines])
        self._troubles(outcome)

    def closing(self, outcome: Outcome) -> None:
        """Show whether anything ran that should not have."""
        self._console.print()
        every = " and ".join(f"{each.seconds} s" for each in SCHEDULES)
        self._heading(f"Nothing else ran, and the schedules kept to every {every}", outcome, well="checked")
        for note in outcome.notes:
            self._console.print(note)
        self._troubles(outcome)

    def next_commands(self, commands: Mapping[str, str], took: timedelta) -> None:
        """Show what to try now."""
        self._console.print(f"\n[bold]Look at it yourself[/bold] (the demo took {took.total_seconds():.0f} s)")
        for command, says in commands.items():
            self._console.print(Text(f"  # {says}", "dim"), soft_wrap=True)
            self._console.print(f"  {command}", markup=False, soft_wrap=True)

    def verdict(self, well: int, scenarios: int) -> None:
        """Print the last line."""
        self._console.print()
        self._console.print(
            f"{well} of {scenarios} scenarios as expected", style="bold green" if well == scenarios else "bold red"
        )

    def trouble(self, text: str) -> None:
        """Say what went wrong."""
        self._console.print(Text(text, "red"), soft_wrap=True)

    def worker_output(self, output: Path) -> None:
        """Show the end of what the worker said."""
        lines = output.read_text("utf-8", errors="replace").splitlines() if output.exists() else []
        self._console.print(f"\nThe worker said, at the end ({output}):")
        for line in lines[-30:]:
            self._console.print(f"  {line}", markup=False, soft_wrap=True)

    def _heading(self, text: str, outcome: Outcome, well: str = "as expected", ill: str = "NOT as expected") -> None:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right")
        verdict = Text(well, "bold green") if not outcome.troubles else Text(ill, "bold red")
        grid.add_row(Text(text, "bold"), verdict)
        self._console.print(grid)

    def _tree(self, lines: Sequence[Line]) -> None:
        grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(no_wrap=True)
        for line in lines:
            label = Text.assemble(line.text, "  ", (line.detail, "dim"))
            if line.error:
                label.append(f"  {line.error}", "red")
            delay = Text(f"{line.delay:.1f} ms", "cyan") if line.delay is not None else Text()
            grid.add_row(label, delay, Text(line.status, STYLES.get(line.status, "")))
        self._console.print(grid)

    def _troubles(self, outcome: Outcome) -> None:
        for trouble in outcome.troubles[:12]:
            self._console.print(Text(f"! {trouble}", "red"), soft_wrap=True)
        if len(outcome.troubles) > 12:
            self._console.print(Text(f"! and {len(outcome.troubles) - 12} more", "red"))

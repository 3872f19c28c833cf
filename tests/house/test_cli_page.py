"""The page of the command line names every command, and no other."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.house.tree import ROOT

PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


def commands() -> set[str]:
    """Return the commands that `ensue --help` lists."""
    shown = subprocess.run(
        [sys.executable, "-m", "ensue_adapters.cli", "--help"],
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    return set(re.findall(r"^\W*([a-z-]+)  ", shown, re.MULTILINE)) - {"help", "version"}


def named(text: str) -> set[str]:
    """Return the commands that a page types."""
    return set(re.findall(r"(?:`|\$ |, )ensue ([a-z]+(?:-[a-z]+)*)", text))


def test_the_page_lists_every_command() -> None:
    known = commands()
    assert {"run", "emit", "trace", "doctor"} <= known
    table = (ROOT / "docs" / "guide" / "cli.md").read_text("utf-8").partition("\n## ")[0]
    assert named(table) == known


def test_no_page_types_a_command_that_is_not_there() -> None:
    known = commands()
    wrong = {page.name: named(page.read_text("utf-8")) - known for page in PAGES}
    assert {page: names for page, names in wrong.items() if names} == {}

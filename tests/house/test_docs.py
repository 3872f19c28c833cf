"""What the pages show is true: each Python snippet runs as it stands.

A fence that says `python` is a whole program: it runs in an empty folder, in an interpreter of its own.
One that says `python no-run` is a part of a program, and only has to compile.
"""

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.tree import ROOT, shown

FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^[ \t]*(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


class Snippet(NamedTuple):
    """A fenced block of Python: where it stands, what it says, and whether it is a whole program."""

    place: str
    text: str
    is_program: bool


def pages() -> list[Path]:
    """The README and every page of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(name: str, page: str) -> list[Snippet]:
    """The Python snippets of a page, in order."""
    found: list[Snippet] = []
    for block in FENCE.finditer(page):
        language, *words = block["info"].split() or [""]
        if language.lower() in {"python", "python3", "py"}:
            line = page.count("\n", 0, block.start("fence")) + 1
            found.append(Snippet(f"{name}:{line}", textwrap.dedent(block["text"]), "no-run" not in words))
    return found


def run(snippet: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a snippet as a program of its own, in `folder` and without our settings."""
    program = folder / "snippet.py"
    program.write_text(snippet.text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("ENSUE_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SNIPPETS = [snippet for path in pages() for snippet in snippets(shown(path), path.read_text("utf-8"))]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[snippet.place for snippet in SNIPPETS])
def test_a_snippet_is_true(snippet: Snippet, tmp_path: Path) -> None:
    flags = 0 if snippet.is_program else ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compile(snippet.text, snippet.place, "exec", flags=flags, dont_inherit=True)
    if snippet.is_program:
        ran = run(snippet, tmp_path)
        assert ran.returncode == 0, f"{snippet.place}\n{ran.stdout}{ran.stderr}"


def test_the_readme_shows_a_whole_program() -> None:
    assert [snippet for snippet in SNIPPETS if snippet.place.startswith("README.md:") and snippet.is_program]


def test_snippets_are_found_where_they_stand(tmp_path: Path) -> None:
    page = textwrap.dedent("""\
        Text.

        ```python
        print("a")
        ```

        1. In a list:

           ~~~python
           if True:
               raise SystemExit("b")
           ~~~

        ```console
        $ ensue run app:engine
        ```

        ````python no-run
        await engine.emit("x")
        ```
        ````
        """)

    program, failing, part = snippets("page.md", page)

    assert program == Snippet("page.md:3", 'print("a")\n', True)
    assert run(program, tmp_path).stdout == "a\n"
    assert failing == Snippet("page.md:9", 'if True:\n    raise SystemExit("b")\n', True)
    assert run(failing, tmp_path).returncode == 1
    assert part == Snippet("page.md:18", 'await engine.emit("x")\n```\n', False)

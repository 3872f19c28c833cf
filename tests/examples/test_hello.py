"""The smallest program does what it says, and is the one that the README shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

HELLO = ROOT / "examples" / "hello.py"


def test_hello_greets(tmp_path: Path) -> None:
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, HELLO], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (ran.returncode, ran.stdout) == (0, "hello Ada\n"), ran.stderr
    assert (tmp_path / "hello.db").is_file()


def test_hello_is_twelve_lines_long() -> None:
    assert len([line for line in HELLO.read_text("utf-8").splitlines() if line]) == 12


def test_the_readme_shows_hello() -> None:
    assert f"```python\n{HELLO.read_text('utf-8')}```" in (ROOT / "README.md").read_text("utf-8")

"""Planting a bug in a copy of the tree and asking the suite about it. The tree itself is never touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal, NamedTuple

from tests.house.tree import ROOT, SOURCE_ROOTS, files
from tests.plant.bugs import Bug

BOUND_SECONDS = 150
"""How long the tests of one bug may take; a suite that hangs has noticed, but each test has a bound of its own."""

Verdict = Literal["caught", "missed", "broken"]


class Found(NamedTuple):
    """What came of one bug: `by` is the first test that failed, or why nothing can be said."""

    bug: Bug
    verdict: Verdict
    by: str
    seconds: float


def problem_of(bug: Bug, root: Path = ROOT) -> str:
    """Say why a bug cannot be planted; empty where it can."""
    path = root / bug.file
    if not path.is_file():
        return f"there is no {bug.file}"
    count = path.read_text().count(bug.old)
    if count != 1:
        return f"the old text stands {count} times in {bug.file}"
    return "" if bug.old != bug.new else "old and new text are the same"


def copy_tree(to: Path) -> None:
    """Copy what git tracks, as it stands in the working tree."""
    for path in files():
        target = to / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def try_bug(bug: Bug, tree: Path) -> Found:
    """Plant a bug in a copy, run its tests there, and pull it out again."""
    began = time.monotonic()
    problem = problem_of(bug, tree)
    if problem:
        return Found(bug, "broken", problem, 0.0)
    path = tree / bug.file
    healthy = path.read_text()
    path.write_text(healthy.replace(bug.old, bug.new))
    try:
        verdict, by = run_tests(bug.tests, tree)
    finally:
        path.write_text(healthy)
    return Found(bug, verdict, by, time.monotonic() - began)


def run_tests(tests: tuple[str, ...], tree: Path) -> tuple[Verdict, str]:
    """Run a selection in a copy until the first failure."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "--timeout",
        "30",
        *tests,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*(str(tree / each) for each in SOURCE_ROOTS), str(tree)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "caught", f"nothing failed within {BOUND_SECONDS} s: the suite hangs"
    failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return "caught", failed[1]
    if done.returncode == 0:
        return "missed", f"all of {' '.join(tests)} passed"
    hung = re.search(r"^(tests/\S+\.py)", done.stdout, re.MULTILINE)
    if "Timeout" in done.stdout + done.stderr:
        return "caught", f"a test hangs ({hung[1] if hung else 'unnamed'})"
    return "broken", (done.stdout + done.stderr)[-1500:]

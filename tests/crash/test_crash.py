"""Real processes die, at each named moment and at random ones, and nothing is lost, doubled or left lying.

The processes run in one command of their own, as they are forked. `make crash LENGTH=seconds` goes on for longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.crash.points import POINTS
from tests.house.tree import ROOT

SEED = 20261123


def rounds(*arguments: str) -> list[dict[str, Any]]:
    """Run the command and return what it found, round by round."""
    command = [sys.executable, "-m", "tests.crash", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def deaths() -> dict[str, dict[str, Any]]:
    """What a death at each fail-point led to."""
    return {each["name"].split()[0]: each for each in rounds("--points", "--once", "--jobs", "4")}


@pytest.mark.parametrize("name", POINTS)
def test_a_death_at_a_named_moment_harms_nothing(deaths: dict[str, dict[str, Any]], name: str) -> None:
    found = deaths[name]
    assert found["wrong"] == [], found


def test_deaths_pauses_and_deploys_at_random_moments_harm_nothing() -> None:
    found = rounds("--seconds", "12", "--seed", str(SEED))
    wrong = [(each["name"], each["wrong"], each["directory"]) for each in found if each["wrong"]]
    assert wrong == []
    assert sum(each["counts"].get("SIGKILL", 0) for each in found) > 10

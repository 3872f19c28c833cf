"""Short runs of what `make load` does for longer."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.house.tree import ROOT
from tests.load.bloat import DEAD_FEW, TABLES, Sample, trend
from tests.load.emitting import _order


def ran(module: str, *arguments: str) -> dict[str, Any]:
    """Run one of the two and return what it found."""
    command = [sys.executable, "-m", f"tests.load.{module}", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_twenty_processes_emit_at_once_while_commits_are_slow() -> None:
    found = ran("emitting", "--seconds", "3")
    assert found["wrong"] == []
    assert found["events"] > 50


def test_work_and_intake_stay_small_under_full_load() -> None:
    found = ran("bloat", "--seconds", "9", "--window", "1", "--naptime", "1s")
    assert found["wrong"] == []
    assert found["reactions"] > 200
    assert found["vacuums"]["work"] + found["vacuums"]["intake"] > 0
    assert max(found["bytes_last"].values()) < 20_000_000


def _sample(p50: float, dead: int) -> Sample:
    return Sample(0.0, 10, p50, p50, dict.fromkeys(TABLES, dead), {}, {})


def test_growth_is_noticed() -> None:
    assert trend([_sample(5, 100)] * 9)[0] == []
    assert "p50_ms grew from 5 to 50" in trend([_sample(5, 100)] * 6 + [_sample(50, 100)] * 3)[0]
    wrong = trend([_sample(5, 100)] * 6 + [_sample(5, 3 * DEAD_FEW)] * 3)[0]
    assert f"dead rows of work grew from 100 to {3 * DEAD_FEW}" in wrong


def test_a_position_out_of_order_is_noticed() -> None:
    assert _order([(1, 2, [1]), (3, 4, [2]), (3, 5, [3])]) == []
    assert _order([(1, 2, [2]), (3, 4, [1])]) == ["position 1 was sent after 2 was acknowledged"]

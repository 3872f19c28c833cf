"""The examples of polls really poll: a folder that fills while it is watched, a queue that is too deep."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.house.tree import ROOT

POLLS = ROOT / "examples" / "polls"


def _until(says: str, process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while says not in "".join(lines):
        line = process.stdout.readline()
        assert line, f"it ended after {lines}"
        lines.append(line)
    return lines


def test_the_file_watcher_processes_each_file_once(tmp_path: Path) -> None:
    watcher = subprocess.Popen(
        [sys.executable, POLLS / "file_watcher.py", "inbox"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("ENSUE_")},
    )  # fmt: skip
    try:
        _until("watching", watcher)
        for number in range(3):
            (tmp_path / "inbox" / f"{number}.tmp").write_text("a\n" * (number + 1))
            (tmp_path / "inbox" / f"{number}.tmp").rename(tmp_path / "inbox" / f"{number}.csv")
            time.sleep(0.02)
        said = _until("2.csv", watcher)
        assert sorted(said) == ["0.csv: 1 lines\n", "1.csv: 2 lines\n", "2.csv: 3 lines\n"]
        assert sorted(each.name for each in (tmp_path / "inbox").iterdir()) == ["0.done", "1.done", "2.done"]
    finally:
        watcher.terminate()
        watcher.communicate(timeout=20)


def test_the_queue_monitor_drains_what_is_too_deep(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, POLLS / "queue_monitor.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("ENSUE_")}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "350 messages wait", "250 messages wait", "150 messages wait", "50 are left",
    ]  # fmt: skip

"""The demo runs whole, from anywhere, and notices when something is not as expected."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

VERDICT = "6 of 6 scenarios as expected"
SCENARIOS = 6


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the examples, in a folder with a space in its name, so that demos do not meet."""
    copied = tmp_path / "a desk"
    for path in files():
        if path.is_relative_to(ROOT / "examples"):
            target = copied / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return copied


def run_demo(tree: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the demo of a tree, as `make demo` does."""
    return subprocess.run(
        [sys.executable, tree / "examples" / "news_desk" / "demo.py", *arguments],
        cwd=cwd or tree,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ENSUE_", "NEWS_"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def last_line(ran: subprocess.CompletedProcess[str]) -> str:
    """The last line that was printed."""
    return ran.stdout.rstrip().rpartition("\n")[2]


def change(path: Path, old: str, new: str) -> None:
    """Change one place of a file."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def is_alive(process: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_the_demo_shows_six_scenarios_as_expected_twice_and_from_anywhere(tree: Path, tmp_path: Path) -> None:
    for cwd in (tree, tmp_path):
        ran = run_demo(tree, cwd=cwd)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stderr == ""
        assert last_line(ran) == VERDICT
        assert "\x1b" not in ran.stdout
        for number in range(1, SCENARIOS + 1):
            assert re.search(rf"^{number}\. .* as expected\s*$", ran.stdout, re.MULTILINE)
        found = re.search(r"worker process (\d+)", ran.stdout)
        assert found is not None
        assert not is_alive(int(found[1]))

    with sqlite3.connect(f"file:{tree / '.demo' / 'news.db'}?mode=ro", uri=True) as store:
        kinds = dict(store.execute("select kind, count(*) from facts group by kind").fetchall())
    store.close()
    # Fresh at each run: the second one did not add to the first.
    assert kinds["ServiceDeclared"] == 1
    assert kinds["TriggerFired"] > 100
    assert kinds["CronTicked"] >= 4
    assert "RunFailed" not in kinds


@pytest.mark.slow
def test_the_commands_that_the_demo_prints_work(tree: Path) -> None:
    ran = run_demo(tree)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    commands = re.findall(r"^  (\S.*(?:news\.db).*)$", ran.stdout, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        if command.startswith("sqlite3 ") and not shutil.which("sqlite3"):
            continue
        typed = subprocess.run(command, shell=True, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
        assert typed.returncode == 0, f"{command}\n{typed.stderr}"
        assert typed.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        # A filter that lets everything pass: subscribers hear too much.
        ("tasks.py", 'call_arguments={"kind": "breaking_news"}', "call_arguments={}", "not expected: 1 x news.notify"),
        # A rule that is missing: nobody is alerted.
        (
            "tasks.py",
            "@tasks.task(triggers=on_exception(enrich_article, EnrichmentError)"
            ".with_args_from_exception(alert_arguments))",
            "@tasks.task",
            "missing: 1 x news.alert_editorial",
        ),
    ],
)
def test_a_wrong_rule_is_noticed(tree: Path, file: str, old: str, new: str, says: str) -> None:
    change(tree / "examples" / "news_desk" / file, old, new)
    ran = run_demo(tree)
    assert ran.returncode == 1, ran.stdout
    assert says in ran.stdout
    assert last_line(ran) == "5 of 6 scenarios as expected"


def test_a_worker_that_does_not_start_is_shown_with_what_it_said(tree: Path) -> None:
    change(tree / "examples" / "news_desk" / "app.py", "engine = ", "raise SystemExit('no ink')\nengine = ")
    ran = run_demo(tree)
    assert ran.returncode == 1
    assert "the worker ended with status 1" in ran.stdout
    assert "no ink" in ran.stdout
    assert last_line(ran) == "0 of 6 scenarios as expected"

"""The demo runs whole, from anywhere, and notices when something is not as expected."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files
from tests.servers.kafka import ADDRESS as KAFKA_ADDRESS
from tests.servers.kafka import VERSION as KAFKA_VERSION
from tests.servers.postgres import ADDRESS, BINARIES

SCENARIOS = 6

Ran = subprocess.CompletedProcess[str]


def change(old: str, new: str, file: str = "tasks.py") -> Callable[[Path], None]:
    """Return what changes one place of a file of the news desk."""

    def apply(tree: Path) -> None:
        path = tree / "examples" / "news_desk" / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), "utf-8")

    return apply


TREES: Mapping[str, Callable[[Path], None] | None] = {
    "as it is": None,
    # Subscribers hear of every article, in every scenario that has one.
    "no filter": change('call_arguments={"kind": "breaking_news"}', "call_arguments={}"),
    # Nobody is alerted.
    "no rule": change(
        "@tasks.task(triggers=on_exception(enrich_article, EnrichmentError).with_args_from_exception(alert_arguments))",
        "@tasks.task",
    ),
    "no worker": change("engine = ", "raise SystemExit('no ink')\nengine = ", "app.py"),
}


class Demos:
    """Copies of the examples, one with a fault each, and what their demos printed. They run at the same time."""

    def __init__(self, folder: Path) -> None:
        self.trees = {name: folder / f"a desk, {name}" for name in TREES}
        for name, fault in TREES.items():
            copy_examples(self.trees[name])
            if fault is not None:
                fault(self.trees[name])
        with ThreadPoolExecutor() as pool:
            self.ran = dict(zip(TREES, pool.map(run_demo, self.trees.values()), strict=True))


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Demos:
    """Every demo, run once."""
    return Demos(tmp_path_factory.mktemp("demos"))


def copy_examples(tree: Path) -> None:
    """Copy what git knows of the examples into another tree."""
    for path in files():
        if path.is_relative_to(ROOT / "examples"):
            target = tree / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def run_demo(tree: Path, cwd: Path | None = None) -> Ran:
    """Run the demo of a tree, as `make demo` does."""
    return subprocess.run(
        [sys.executable, tree / "examples" / "news_desk" / "demo.py"],
        cwd=cwd or tree,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ENSUE_", "NEWS_"))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def run_demo_on(server: str, tree: Path) -> Ran:
    """Run the demo of a tree, as `make demo STORE=...` does; the tree knows nothing of servers."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name in (ADDRESS, BINARIES, KAFKA_ADDRESS, KAFKA_VERSION) or not name.startswith(("ENSUE_", "NEWS_"))
    }
    demo = tree / "examples" / "news_desk" / "demo.py"
    return subprocess.run(
        [sys.executable, "-m", "tests.servers", server, sys.executable, demo, "--store", "{url}"],
        cwd=tree,
        env={**environ, "PYTHONPATH": os.pathsep.join([environ.get("PYTHONPATH", ""), str(ROOT)])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def last_line(ran: Ran) -> str:
    """The last line that was printed."""
    return ran.stdout.rstrip().rpartition("\n")[2]


def assert_as_expected(ran: Ran) -> None:
    """Every scenario came out as expected, and nothing is left running."""
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert last_line(ran) == "6 of 6 scenarios as expected"
    for number in range(1, SCENARIOS + 1):
        assert re.search(rf"^{number}\. .* as expected\s*$", ran.stdout, re.MULTILINE)
    found = re.search(r"worker process (\d+)", ran.stdout)
    assert found is not None
    with pytest.raises(ProcessLookupError):
        os.kill(int(found[1]), 0)


def facts(tree: Path) -> dict[str, int]:
    """How many facts of each kind the demo of a tree left in its log."""
    url = (tree / ".demo" / "news.db").as_uri() + "?mode=ro"
    with closing(sqlite3.connect(url, uri=True)) as store:
        return dict(store.execute("select kind, count(*) from facts group by kind").fetchall())


@pytest.mark.slow
def test_the_demo_shows_six_scenarios_as_expected(demos: Demos) -> None:
    ran = demos.ran["as it is"]
    assert_as_expected(ran)
    assert "\x1b" not in ran.stdout
    kinds = facts(demos.trees["as it is"])
    assert kinds["TriggerFired"] > 100
    assert kinds["CronTicked"] >= 4
    assert "RunFailed" not in kinds
    assert "ConditionFailed" not in kinds


@pytest.mark.slow
def test_the_demo_runs_on_a_postgres_that_it_starts_and_ends(tmp_path: Path) -> None:
    copy_examples(tmp_path)
    ran = run_demo_on("postgres", tmp_path)
    assert_as_expected(ran)
    found = re.search(r"^store  postgresql://\S*@([\w.]+):(\d+)/\S*schema=ensue_demo$", ran.stdout, re.MULTILINE)
    assert found is not None, ran.stdout
    if ADDRESS not in os.environ:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((found[1], int(found[2])))


@pytest.mark.slow
def test_the_demo_runs_on_a_kafka_that_it_starts_and_ends(tmp_path: Path) -> None:
    copy_examples(tmp_path)
    ran = run_demo_on("kafka", tmp_path)
    assert_as_expected(ran)
    found = re.search(r"^store  kafka://([\w.]+):(\d+)/news\S*\?views=sqlite:///\S+$", ran.stdout, re.MULTILINE)
    assert found is not None, ran.stdout
    if KAFKA_ADDRESS not in os.environ:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((found[1], int(found[2])))


def test_a_server_is_started_only_for_a_command_that_takes_its_address() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.servers", "kafka", "true"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "COMMAND ... {url}" in ran.stderr


@pytest.mark.slow
def test_the_commands_that_the_demo_prints_work(demos: Demos) -> None:
    commands = re.findall(r"^  (\S.*news\.db.*)$", demos.ran["as it is"].stdout, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        if command.startswith("sqlite3 ") and not shutil.which("sqlite3"):
            continue
        tree = demos.trees["as it is"]
        typed = subprocess.run(command, shell=True, cwd=tree, capture_output=True, text=True, timeout=60, check=False)
        assert typed.returncode == 0, f"{command}\n{typed.stderr}"
        assert typed.stdout.strip()


@pytest.mark.slow
def test_the_demo_runs_again_from_another_folder_on_a_fresh_store(demos: Demos, tmp_path: Path) -> None:
    assert_as_expected(run_demo(demos.trees["as it is"], cwd=tmp_path))
    assert facts(demos.trees["as it is"])["ServiceDeclared"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tree", "says", "verdict"),
    [
        ("no filter", "not expected: 1 x news.notify_subscribers", "1 of 6"),
        ("no rule", "missing: 1 x news.alert_editorial", "5 of 6"),
        ("no worker", "no ink", "0 of 6"),
    ],
)
def test_what_is_not_as_expected_is_noticed_and_said(demos: Demos, tree: str, says: str, verdict: str) -> None:
    ran = demos.ran[tree]
    assert ran.returncode == 1, ran.stdout
    assert says in ran.stdout
    assert last_line(ran) == f"{verdict} scenarios as expected"
    assert "The worker said" in ran.stdout

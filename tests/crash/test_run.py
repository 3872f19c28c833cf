"""`ensue run` as its users run it: processes that drain, die, are upgraded and rolled back, and stores that say no."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ensue import Engine
from ensue_adapters.sqlite import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.facts import AttemptEnded, AttemptStarted, ServiceDeclared, TriggerFired, TriggerPaused
from ensue_core.records import Record
from tests.house.tree import ROOT, SOURCE_ROOTS
from tests.permissions import obey

PROGRAM = """
import asyncio, os
from pathlib import Path
from ensue import Engine, on_event

engine = Engine()

@engine.task(triggers=on_event("go").with_args_from_event("n").named("go"))
async def react(n: int) -> int:
    return n

@engine.task(triggers=on_event("slow").with_args_from_event("n").named("slow"))
async def slow(n: int) -> int:
    with Path("began").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    while not Path("let_go").exists():
        await asyncio.sleep(0.02)
    return n
"""
ONLY_NEW = """
@engine.task(triggers=on_event("go").with_args_from_event("n").named("only_new"))
async def added(n: int) -> int:
    return n
"""
PATIENCE = 20.0


class Deployment:
    """A directory with two versions of a program and a store, and the processes that were started in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "old.py").write_text(PROGRAM)
        (directory / "new.py").write_text(PROGRAM + ONLY_NEW)
        self._processes: list[subprocess.Popen[str]] = []

    def environment(self, lease: float) -> dict[str, str]:
        """What the processes see."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ENSUE_")},
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in SOURCE_ROOTS),
            "ENSUE_URL": f"sqlite:///{self.directory / 'log.db'}",
            "ENSUE_LEASE_SECONDS": str(lease),
            "ENSUE_HEARTBEAT_SECONDS": str(lease / 3),
        }

    def run(self, version: str, *arguments: str, lease: float = 1.0) -> subprocess.Popen[str]:
        """Start `ensue run`, and return once it says that it runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ensue_adapters.cli", "run", f"{version}:engine", *arguments],
            cwd=self.directory, env=self.environment(lease), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "stop with Ctrl-C" in line:
                return process
        raise AssertionError(f"it did not start: {''.join(said)}")

    def command(self, *arguments: str, prepare: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        """Run one `ensue` command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "ensue_adapters.cli", *arguments], cwd=self.directory, env=self.environment(1.0),
            text=True, capture_output=True, timeout=60, check=False, preexec_fn=prepare,
        )  # fmt: skip

    async def emit(self, code: str, n: int) -> None:
        """Emit an event, as a client."""
        async with Engine(self.environment(1.0)["ENSUE_URL"]) as engine:
            await engine.emit(code, {"n": n})

    async def log(self) -> list[Record]:
        """Return the whole log."""
        store = open_store(self.environment(1.0)["ENSUE_URL"], "default", SYSTEM_CLOCK)
        await store.open()
        try:
            records: list[Record] = []
            while page := await store.log.read(len(records), 1_000):
                records += page
            return records
        finally:
            await store.close()

    async def until(self, holds: Callable[[list[Record]], Any], seconds: float = PATIENCE) -> list[Record]:
        """Read the log until something holds of it."""
        end = time.monotonic() + seconds
        while not holds(log := await self.log()):
            assert time.monotonic() < end, [type(each.fact).__name__ for each in log][-20:]
            await asyncio.sleep(0.03)
        return log

    def began(self) -> list[int]:
        """The processes in which slow bodies began."""
        path = self.directory / "began"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """An empty deployment."""
    made = Deployment(tmp_path)
    yield made
    made.close()


def ended(task: str, *numbers: int) -> Callable[[list[Record]], bool]:
    """Whether a task has succeeded with these results, each once."""

    def holds(log: list[Record]) -> bool:
        results = [
            json.loads(bytes(each.fact.result))
            for each in log
            if isinstance(each.fact, AttemptEnded) and each.fact.task == task and each.fact.status == "SUCCESS"
        ]
        assert len(results) == len(set(results)), "one end for each"
        return sorted(results) == sorted(numbers)

    return holds


def stopped(process: subprocess.Popen[str]) -> int:
    """Ask a process to stop and return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


async def test_a_terminated_worker_drains_and_another_takes_over_at_once(deployment: Deployment) -> None:
    lease = 30.0
    first = deployment.run("old", "--grace", "0.3", lease=lease)
    await deployment.emit("slow", 1)
    await deployment.until(lambda log: deployment.began())
    second = deployment.run("old", lease=lease)
    assert stopped(first) == 0
    released = time.monotonic()
    await deployment.until(lambda log: len(deployment.began()) == 2)
    assert time.monotonic() - released < 3, "released work waits for no lease"
    (deployment.directory / "let_go").touch()
    log = await deployment.until(ended("slow", 1))
    assert [each.fact.status for each in log if isinstance(each.fact, AttemptEnded)] == ["RELEASED", "SUCCESS"]
    assert deployment.began() == [first.pid, second.pid]
    assert stopped(second) == 0


async def test_a_body_that_ends_within_the_grace_is_not_released(deployment: Deployment) -> None:
    process = deployment.run("old", "--grace", "10")
    await deployment.emit("slow", 1)
    await deployment.until(lambda log: deployment.began())
    process.send_signal(signal.SIGTERM)
    (deployment.directory / "let_go").touch()
    assert process.wait(PATIENCE) == 0
    log = await deployment.log()
    assert [each.fact.status for each in log if isinstance(each.fact, AttemptEnded)] == ["SUCCESS"]


async def test_a_dead_workers_work_is_retaken_within_the_lease_and_two_seconds(deployment: Deployment) -> None:
    lease = 2.0
    first = deployment.run("old", lease=lease)
    await deployment.emit("slow", 1)
    await deployment.until(lambda log: deployment.began())
    second = deployment.run("old", lease=lease)
    first.kill()
    died = time.monotonic()
    await deployment.until(lambda log: len(deployment.began()) == 2)
    assert time.monotonic() - died < lease + 2
    (deployment.directory / "let_go").touch()
    log = await deployment.until(ended("slow", 1))
    assert [each.fact.status for each in log if isinstance(each.fact, AttemptEnded)] == ["LOST", "SUCCESS"]
    assert [each.fact.attempt for each in log if isinstance(each.fact, AttemptStarted)] == [1, 2]
    assert stopped(second) == 0


ORDERS: dict[str, list[str]] = {
    "upgrade": ["+old", "emit", "+new", "emit", "-old", "emit"],
    "new first": ["+new", "emit", "+old", "emit", "-new", "emit"],
    "the newest crashes": ["+old", "emit", "+new", "emit", "!new", "emit"],
    "rollback": ["+old", "+new", "emit", "-old", "emit", "+old", "emit", "!new", "emit"],
    "all gone and back": ["+old", "emit", "!old", "emit", "+new", "emit", "!new", "emit", "+old", "emit"],
}
"""Deploys: a version comes (+), is asked to stop (-), dies (!), and something is emitted in between."""


@pytest.mark.parametrize("order", ORDERS)
async def test_in_whatever_order_versions_come_and_go_each_event_reacts_once(
    deployment: Deployment, order: str
) -> None:
    running: dict[str, subprocess.Popen[str]] = {}
    emitted = 0
    for act in ORDERS[order]:
        match act[0], act[1:]:
            case "+", version:
                running[version] = deployment.run(version, lease=0.6)
            case "-", version:
                assert stopped(running.pop(version)) == 0
            case "!", version:
                running[version].kill()
                running.pop(version).wait()
            case _:
                await deployment.emit("go", emitted)
                emitted += 1
                if running:
                    await deployment.until(ended("react", *range(emitted)))
    log = await deployment.until(ended("react", *range(emitted)))
    runs = [each.fact for each in log if isinstance(each.fact, TriggerFired)]
    pairs = [(each.trigger, each.participants[0].source) for each in runs]
    assert len(pairs) == len(set(pairs)), "nothing fires twice"
    takeovers = [each.fact for each in log if isinstance(each.fact, ServiceDeclared) and each.fact.takeover]
    lacked = [each.fact for each in log if isinstance(each.fact, TriggerPaused)]
    assert all(each.reason == "takeover" for each in lacked)
    if order == "the newest crashes":
        assert (len(takeovers), [each.trigger for each in lacked]) == (1, ["added/only_new"])
    for process in running.values():
        assert stopped(process) == 0


# Stores that say no.


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed command says: one line, and no traceback."""
    assert done.returncode not in (0, -signal.SIGXFSZ), done
    said = done.stderr.strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2, said
    return said


async def test_a_full_disk_is_said_in_one_sentence_and_nothing_is_lost(deployment: Deployment) -> None:
    import resource

    await deployment.emit("go", 1)
    size = max(each.stat().st_size for each in deployment.directory.glob("log.db*"))

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    (deployment.directory / "large.json").write_text(json.dumps({"n": 2, "text": "x" * 200_000}))
    said = sentence(deployment.command("emit", "go", "@large.json", prepare=no_room))
    assert "log.db" in said
    await deployment.emit("go", 3)
    listed = deployment.command("events", "list", "--json")
    assert listed.stdout.count('"go"') == 2, listed.stdout


async def test_a_read_only_store_is_said_in_one_sentence(deployment: Deployment) -> None:
    await deployment.emit("go", 1)
    for path in deployment.directory.glob("log.db*"):
        path.chmod(0o444)
    deployment.directory.chmod(0o555)
    try:
        assert "log.db" in sentence(deployment.command("emit", "go", '{"n": 2}', prepare=obey))
        assert "log.db" in sentence(deployment.command("run", "old:engine", prepare=obey))
    finally:
        deployment.directory.chmod(0o755)


async def test_a_directory_that_is_not_there_is_said_in_one_sentence(deployment: Deployment) -> None:
    done = deployment.command("emit", "go", '{"n": 2}', "--url", f"sqlite:///{deployment.directory / 'no' / 'log.db'}")
    assert "does not exist" in sentence(done)

"""`ensue run` as a process: it reacts, drains on a signal, and leaves at once on a second one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Ensue
from tests.house.tree import ROOT, SOURCE_ROOTS

HANGING = """
import asyncio
from ensue import Engine, on_event
engine = Engine("sqlite:///shop.db")
@engine.task(triggers=on_event("go"))
async def hang() -> None:
    print("begun", flush=True)
    await asyncio.Event().wait()
"""


@contextmanager
def running(place: Path, *arguments: str) -> Generator[subprocess.Popen[str], None, None]:
    """Run a program in a process of its own, and wait for its banner."""
    paths = os.pathsep.join(str(ROOT / root) for root in SOURCE_ROOTS)
    process = subprocess.Popen(
        [sys.executable, "-m", "ensue_adapters.cli", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        cwd=place,
        # A shell that starts this in the background would have it ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def banner(process: subprocess.Popen[str]) -> str:
    """Return what the process says up to the end of its banner."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if "stop with Ctrl-C" in line:
            break
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_reacts_and_drains_on_a_signal(shop: Ensue, place: Path, number: int) -> None:
    with running(place, "shop_app:engine", "--concurrency", "7", "--threads", "3") as process:
        said = banner(process)
        assert "sqlite:///shop.db" in said
        assert "3 tasks, 3 triggers" in said
        assert "scheduler, projectors, worker (7 async, 3 threads)" in said
        emitted = shop("emit", "order.paid", '{"order": 7}', "--wait", "30")
        assert "trigger ship/0 fired" in emitted.out
        assert "ship SUCCESS" in emitted.out
        assert "ValueError: no mail today" in emitted.out
        assert shop("submit", "ship", '{"order": 8}', "--wait", "30").out == "shipped 8\n"
        failed = shop("submit", "notify", '{"channel": "pigeon"}', "--wait", "30")
        assert (failed.code, failed.out) == (1, "")
        assert "no pigeon today" in failed.err
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "")
        assert err.splitlines()[-1] == "stopped"
    assert "1 live" not in shop("doctor").out


def test_the_grace_bounds_what_a_hanging_body_holds_up(place: Path, ensue: Ensue) -> None:
    (place / "shop_app_hanging.py").write_text(HANGING)
    with running(place, "shop_app_hanging:engine", "--grace", "0.2") as process:
        banner(process)
        ensue("emit", "go", "--app", "shop_app_hanging:engine")
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(timeout=30) == 0
    # It was released, not lost: another worker may take it at once.
    assert [each["status"] for each in ensue("invocations", "--app", "shop_app_hanging:engine", "--json").lines] == [
        "REGISTERED"
    ]


def test_one_role_alone_says_so(shop: Ensue, place: Path) -> None:
    with running(place, "--only", "projectors") as process:
        assert "runs projectors;" in banner(process)
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_reload_without_its_extra_says_what_to_install(shop: Ensue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    said = shop("run", "--reload")
    assert (said.code, said.out) == (1, "")
    assert "pip install 'ensue[reload]'" in said.err


def test_a_changed_file_starts_the_program_again(shop: Ensue, place: Path) -> None:
    with running(place, "--reload") as process:
        banner(process)
        with (place / "shop_app.py").open("a") as file:
            file.write('\n@engine.task(triggers=on_event("new"))\nasync def new() -> None: ...\n')
        said = banner(process)
        assert "shop_app.py changed: starting again" in said
        assert "4 tasks, 4 triggers" in said
        process.terminate()
        assert process.wait(timeout=30) == 0

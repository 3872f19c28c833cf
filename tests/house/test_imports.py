"""Every module imports cold, and importing starts nothing: no thread, no process, no open file or socket."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.house.tree import modules


class Did(msgspec.Struct, frozen=True):
    """What importing a module in a fresh process did."""

    error: str = ""
    threads: list[str] = []
    files: list[str] = []
    children: bool = False


NOTHING = Did()


def import_each(names: list[str], folder: Path | None = None) -> dict[str, Did]:
    """Import each module in a process of its own; `folder` goes before the others on the search path."""
    ran = subprocess.run(
        [sys.executable, "-P", Path(__file__).with_name("cold_imports.py")],
        input=json.dumps(names),
        env=os.environ | ({"PYTHONPATH": str(folder)} if folder else {}),
        capture_output=True,
        text=True,
        timeout=600,  # seconds; about a third of one for each module, on an idle machine
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(msgspec.json.decode(line, type=tuple[str, Did]) for line in ran.stdout.splitlines())


def test_every_module_imports_cold_and_starts_nothing() -> None:
    names = [module.name for module in modules()]
    assert {"ensue", "ensue_core", "ensue_projections", "ensue_adapters"} <= set(names)

    did = import_each(names)

    assert sorted(did) == sorted(names)
    wrong = {name: each for name, each in did.items() if each != NOTHING}
    assert not wrong, "\n".join(f"{name}: {each.error or each}" for name, each in wrong.items())


@pytest.mark.parametrize(
    ("field", "source"),
    [
        (
            "threads",
            "import threading, time; threading.Thread(target=time.sleep, args=[9], daemon=True).start()",
        ),
        ("files", "import socket; planted = socket.socket()"),
        (
            "files",
            "import sqlite3; planted = sqlite3.connect('planted.db'); planted.execute('create table t (x)')",
        ),
        ("children", "import subprocess; planted = subprocess.Popen(['sleep', '1'])"),
        ("error", "import no_such_module"),
        ("error", "raise SystemExit(0)"),
        ("error", "import os; os._exit(0)"),
    ],
)
def test_a_module_that_starts_something_is_noticed(
    field: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planted.py").write_text(source)
    assert getattr(import_each(["planted"], tmp_path)["planted"], field)

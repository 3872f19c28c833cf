"""Users' mistakes: one sentence on stderr, nothing on stdout, a telling exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ensue
from tests.house.tree import ROOT, SOURCE_ROOTS


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["events", "--url", "redis://ada:secret@x"], 1, "no store for 'redis' URLs"),
        (["events", "--url", "news.db"], 1, "is no URL"),
        (["emit", "x", "--url", "sqlite:////nowhere/at/all/x.db"], 1, "/nowhere/at/all does not exist"),
        (["events", "--url", "sqlite:////nowhere/at/all/x.db"], 1, "/nowhere/at/all does not exist"),
        (["events", "--url", "memory:"], 1, "lives in the process that made it"),
        (["run", "shop_nowhere:engine"], 1, "no module named 'shop_nowhere'"),
        (["run", "shop_app:nothing"], 1, "has no attribute 'nothing' (it has shop_app:engine)"),
        (["run", "shop_app.py:engine"], 1, "shop_app:engine"),
        (["run", "shop_app"], 1, "write module:attribute"),
        (["declare", "shop_app:ship"], 1, "not an Engine"),
        (["submit", "nosuch", "{}"], 1, "no task named 'nosuch'"),
        (["submit", "ship", '{"order": "seven"}'], 1, "arguments do not fit task 'ship'"),
        (["submit", "ship", "[7]"], 1, "must be a JSON object"),
        (["triggers", "show", "nosuch/0"], 1, "no trigger 'nosuch/0'"),
        (["triggers", "pause", "nosuch/0"], 1, "no trigger 'nosuch/0'"),
        (["triggers", "fire", "ship/0"], 1, "arguments do not fit task 'ship'"),
        (["emit", "order.paid", "{order: 7}"], 1, "payload of order.paid is not JSON"),
        (["emit", "order.paid", '{"order": NaN}'], 1, "is not JSON"),
        (["emit", "order.paid", "@nowhere.json"], 1, "cannot be read"),
        (["emit", "order.paid", "[" * 200 + "]" * 200], 1, "nested deeper"),
        (["emit", "order.*", "{}"], 1, "cannot be emitted"),
        (["emit", "order.paid", '{"order": 7}', "--key", ""], 1, "idempotency key"),
        (["events", "show", "nonsense"], 1, "is not an id"),
        (["runs", "show", "0" * 32], 1, "no run"),
        (["invocations", "cancel", "0" * 32], 1, "no invocation"),
        (["invocations", "--status", "done"], 1, "is not a status"),
        (["events", "--cursor", "x"], 1, "is not a cursor"),
        (["events", "--limit", "0"], 1, "limit is 0"),
        (["trace", "0" * 32], 1, "no event, run, invocation or record"),
        (["events", "--app-id", "a b"], 1, "letters, digits"),
        (["triggers", "--service", "other"], 1, "no declared service 'other'"),
        (["events", "--since", "yesterday"], 2, "is no time"),
        (["trace"], 2, "name an id, or say --last"),
        (["tail", "--kind", "event"], 2, "no record is of kind 'event'"),
        (["evnets"], 2, "evnets"),
        (["events", "--colour"], 2, "--colour"),
        (["events", "show"], 2, "requires an argument"),
        (["events", "--limit", "many"], 2, "many"),
        (["run", "shop_app:engine", "--only", "boss"], 2, "boss"),
    ],
)
def test_a_mistake_is_one_sentence(shop: Ensue, arguments: list[str], code: int, says: str) -> None:
    said = shop(*arguments)
    assert says in said.err, said
    assert (said.code, said.out) == (code, ""), said
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "secret" not in said.err


def test_a_half_written_pyproject_is_named(ensue: Ensue, place: Path) -> None:
    (place / "pyproject.toml").write_text('[tool.ensue]\nurl = "sqlite:')
    said = ensue("events")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert f"{place}/pyproject.toml is not valid TOML" in said.err


def test_a_program_of_other_tasks_is_refused_until_replaced(shop: Ensue, place: Path) -> None:
    (place / "shop_app_two.py").write_text(
        "from ensue import Engine\nengine = Engine('sqlite:///shop.db')\n@engine.task\nasync def other() -> None: ...\n"
    )
    said = shop("declare", "shop_app_two:engine")
    assert said.code == 1
    assert "--replace" in said.err
    assert shop("declare", "shop_app_two:engine", "--replace").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["run", "nowhere:engine"], 1), (["evnets"], 2), (["--version"], 0), (["events", "--url", "x://"], 1)],
)
def test_a_process_ends_with_the_exit_code_and_no_traceback(place: Path, arguments: list[str], code: int) -> None:
    paths = os.pathsep.join(str(ROOT / root) for root in SOURCE_ROOTS)
    ended = subprocess.run(
        [sys.executable, "-m", "ensue_adapters.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
        cwd=place,
    )
    assert ended.returncode == code, ended
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == (0 if code == 0 else 1)

"""A directory with a program and its store, and the command line called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from ensue_adapters.cli import main

PROGRAM = """
from ensue import Engine, on_cron, on_event, on_success

engine = Engine("sqlite:///shop.db")

@engine.task(triggers=on_event("order.paid").with_args_from_event("order"))
async def ship(order: int) -> str:
    return f"shipped {order}"

@engine.task(triggers=on_success(ship).with_args_static({"channel": "mail"}))
async def notify(channel: str) -> None:
    raise ValueError(f"no {channel} today")

@engine.task(triggers=on_cron("0 3 * * *"))
async def tidy() -> None: ...
"""


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """The JSON lines of stdout."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]

    @property
    def document(self) -> Any:
        """The JSON document of stdout."""
        return msgspec.json.decode(self.out)


Ensue = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory to work in, with nothing said in the environment."""
    for name in list(__import__("os").environ):
        if name.startswith("ENSUE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("shop_app"):
            del sys.modules[name]


@pytest.fixture
def ensue(place: Path, capsys: pytest.CaptureFixture[str]) -> Ensue:
    """The command line, called in this process."""

    def call(*arguments: str) -> Said:
        code = main(arguments)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def shop(place: Path, ensue: Ensue) -> Ensue:
    """The command line where a program is named and declared."""
    (place / "shop_app.py").write_text(PROGRAM)
    (place / "pyproject.toml").write_text('[tool.ensue]\napp = "shop_app:engine"\n')
    assert ensue("declare").code == 0
    return ensue

"""Finding the engine: one sentence for each way that fails, with the place in the user's code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ensue import Engine
from ensue.loading import load_engine
from ensue_core.errors import ModuleNotLoaded


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("loaded"):
            del sys.modules[name]


def refusal(place: str, directory: Path) -> str:
    with pytest.raises(ModuleNotLoaded) as raised:
        load_engine(place, directory)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_engine_is_found_below_the_directory(tmp_path: Path) -> None:
    (tmp_path / "loaded_well.py").write_text("from ensue import Engine\nclass Box:\n    engine = Engine('memory:')\n")
    assert isinstance(load_engine("loaded_well:Box.engine", tmp_path), Engine)


@pytest.mark.parametrize("place", ["", "shop", "shop:", ":engine", "shop app:engine", "shop:en gine", "1shop:engine"])
def test_what_is_no_module_and_attribute_is_refused(place: str, tmp_path: Path) -> None:
    assert "write module:attribute, such as shop.app:engine" in refusal(place, tmp_path)


def test_a_file_is_answered_with_its_module(tmp_path: Path) -> None:
    assert "write the module and the attribute, shop.app:engine" in refusal("shop/app.py:engine", tmp_path)


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    assert "no module named 'loaded_nowhere'" in refusal("loaded_nowhere:engine", tmp_path)


def test_a_missing_attribute_names_the_engines_there_are(tmp_path: Path) -> None:
    (tmp_path / "loaded_other.py").write_text("from ensue import Engine\nshop = Engine('memory:')\n")
    said = refusal("loaded_other:engine", tmp_path)
    assert "has no attribute 'engine' (it has loaded_other:shop)" in said


def test_what_is_no_engine_is_named(tmp_path: Path) -> None:
    (tmp_path / "loaded_tasks.py").write_text("from ensue import Tasks\nengine = Tasks()\n")
    assert "is a Tasks, not an Engine (it has no Engine)" in refusal("loaded_tasks:engine", tmp_path)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import loaded_missing\n", "loaded_broken.py:1: ModuleNotFoundError: No module named 'loaded_missing'"),
        ("\n\nx = 1 / 0\n", "loaded_broken.py:3: ZeroDivisionError: division by zero"),
        ("def f(:\n", "loaded_broken.py:1: SyntaxError"),
        ("raise SystemExit(3)\n", "loaded_broken.py:1: SystemExit: 3"),
        ("import json\njson.loads('{')\n", "loaded_broken.py:2: JSONDecodeError"),
        (
            "from ensue import Engine, on_cron\nengine = Engine('memory:')\n"
            "@engine.task(triggers=on_cron('99 * * * *'))\nasync def f() -> None: ...\n",
            "loaded_broken.py:3: BadCron",
        ),
    ],
)
def test_an_import_that_fails_says_where_in_the_users_code(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "loaded_broken.py").write_text(source)
    assert f"importing loaded_broken failed at {says}" in refusal("loaded_broken:engine", tmp_path)

"""Imports go only downwards: adapters, engine, projections, core."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT, SOURCE_ROOTS, modules, shown


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """Check the contract of pyproject.toml over the packages below `tree`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(tree / root) for root in SOURCE_ROOTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_only_downwards() -> None:
    checked = lint_imports(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Contracts: 1 kept, 0 broken." in checked.stdout


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("ensue_core", "ensue_projections"),
        ("ensue_core", "ensue"),
        ("ensue_projections", "ensue"),
        ("ensue", "ensue_adapters"),
    ],
)
def test_an_import_upwards_is_refused(lower: str, upper: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for root in SOURCE_ROOTS:
        shutil.copytree(ROOT / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / PACKAGES[lower].relative_to(ROOT)
    (folder / "planted.py").write_text(f"import {upper}\n")

    checked = lint_imports(tmp_path)

    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{lower}.planted -> {upper}" in checked.stdout


def test_every_source_file_is_in_one_of_the_four_packages() -> None:
    known = {module.path for module in modules()}
    found = {path for root in SOURCE_ROOTS for path in (ROOT / root).rglob("*.py")}
    assert found
    assert sorted(map(shown, found - known)) == []


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_tells_checkers_that_it_is_typed(package: str) -> None:
    assert (PACKAGES[package] / "__init__.py").is_file()
    assert (PACKAGES[package] / "py.typed").is_file()

"""What is built holds every source, and needs nothing of the tree."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.house.tree import PACKAGES, ROOT, files, shown


def build(target: str, folder: Path) -> Path:
    """Build the wheel or the source archive into `folder`."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [archive] = folder.iterdir()
    return archive


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    sources = {
        path.relative_to(folder.parent).as_posix()
        for folder in PACKAGES.values()
        for path in files()
        if path.is_relative_to(folder)
    }
    assert {f"{package}/__init__.py" for package in PACKAGES} <= sources

    with zipfile.ZipFile(build("wheel", tmp_path)) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert held == sources


def test_a_wheel_can_be_built_from_the_source_archive(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}

    needed = {shown(path) for path in files() if path.is_relative_to(ROOT / "engine")}
    assert needed
    assert needed | {"pyproject.toml", "README.md", "LICENSE", "Makefile", "requirements.lock"} <= held

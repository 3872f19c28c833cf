"""Where the project's files and modules are, for the tests that read them."""

import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

SOURCE_ROOTS = ("engine", "projections", "adapters")

PACKAGES = {
    "ensue": ROOT / "engine" / "ensue",
    "ensue_core": ROOT / "engine" / "ensue_core",
    "ensue_projections": ROOT / "projections" / "ensue_projections",
    "ensue_adapters": ROOT / "adapters" / "ensue_adapters",
}


class Module(NamedTuple):
    """One of our modules: its dotted name and its file."""

    name: str
    path: Path


def modules() -> list[Module]:
    """Every module of the four packages, in the order of their names."""
    return sorted(
        Module(_dotted(path, folder.parent), path) for folder in PACKAGES.values() for path in folder.rglob("*.py")
    )


def files() -> list[Path]:
    """Every file that git tracks, or would track if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def shown(path: Path) -> str:
    """A file's name as a reader of the tree knows it."""
    return path.relative_to(ROOT).as_posix()


def _dotted(path: Path, source_root: Path) -> str:
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

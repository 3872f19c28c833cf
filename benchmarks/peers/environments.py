"""The peers' environments: made on first use in a cache folder, again whenever their versions change."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import PEERS

VERSIONS = Path(__file__).parent / "versions"


def cache() -> Path:
    """Return the folder that holds the environments."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ensue-benchmarks"


def python_of(name: str) -> str:
    """Return the Python that runs a contestant; its environment is made where it is missing."""
    if name not in PEERS:
        return sys.executable
    versions = VERSIONS / f"{name}.txt"
    digest = hashlib.sha256(versions.read_bytes()).hexdigest()[:12]
    folder = cache() / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making the environment of {name} in {folder}", file=sys.stderr, flush=True)
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([*uv, "pip", "sync", "--python", str(folder / "bin" / "python"), str(versions)], check=True)
        (folder / "ready").touch()
    return str(folder / "bin" / "python")


def version_of(name: str) -> str:
    """Return the version of a peer, as its file says."""
    wanted = {"taskiq": "taskiq-postgres"}.get(name, name)
    for line in (VERSIONS / f"{name}.txt").read_text("utf-8").splitlines():
        package, _, version = line.partition("==")
        if package == wanted:
            return version.split()[0]
    raise LookupError(f"{VERSIONS / name}.txt does not name {wanted}")

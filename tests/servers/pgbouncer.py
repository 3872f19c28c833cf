"""A real pgbouncer for the tests, before any server: on a port and in a folder of its own, ended with the test.

It is found on the PATH, or where Debian puts it. Where there is none the tests fail and name the command.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from ensue_adapters.postgres.place import Place, parse_url
from tests.servers.postgres import Server, free_port, unprivileged

Mode = Literal["transaction", "session", "statement"]

INSTALL = "apt-get install --yes pgbouncer"
START_SECONDS = 20.0


class NoBouncer(Exception):
    """There is no pgbouncer to test with."""


@dataclass(frozen=True)
class Bouncer:
    """A running pgbouncer. `url` leads through it to the server's maintenance database."""

    url: str

    def transactions(self) -> int:
        """Return how many transactions it has carried."""
        admin = self.url.rpartition("/")[0] + "/pgbouncer"
        with psycopg.connect(admin, autocommit=True) as connection:
            found = connection.execute("SHOW STATS")
            names = [each.name for each in found.description or ()]
            return sum(row[names.index("total_xact_count")] for row in found)


def program(path: str | None = None) -> str:
    """Return where pgbouncer is. Raises `NoBouncer` where it is not."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin" if path is None else path)
    if found is None:
        raise NoBouncer(f"no pgbouncer to test with: install it ({INSTALL}), or put it on the PATH")
    return found


@contextmanager
def bouncing(server: Server, mode: Mode = "transaction", size: int = 4, ignores: str = "") -> Generator[Bouncer]:
    """Run one that holds `size` connections to a server, and gives each in its turn.

    `ignores`: startup parameters that it lets pass without a word, separated by commas; it refuses others.
    """
    command, place, port, account = program(), parse_url(server.url), free_port(), unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="ensue-pgbouncer-"))
    try:
        (folder / "users").write_text(f'"{place.user}" "{place.password}"\n')
        (folder / "ini").write_text(_settings(place, port, folder, mode, size, ignores))
        if account.user is not None:
            for each in (folder, *folder.iterdir()):
                shutil.chown(each, account.user, account.group)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen[bytes](
                [command, str(folder / "ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=account.user,
                group=account.group,
                extra_groups=account.groups,
            )
        try:
            _wait(process, port, folder / "log")
            yield Bouncer(f"postgresql://{place.user}:{place.password}@127.0.0.1:{port}/{place.database}")
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(place: Place, port: int, folder: Path, mode: Mode, size: int, ignores: str) -> str:
    # It knows the password, so that it can prove it to the server and ask clients for it.
    return f"""
        [databases]
        * = host={place.hosts[0]} port={place.ports[0]}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = {folder / "users"}
        admin_users = {place.user}
        pool_mode = {mode}
        default_pool_size = {size}
        server_round_robin = 1
        max_client_conn = 200
        ignore_startup_parameters = {ignores}
    """


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise NoBouncer(f"pgbouncer did not start: {log.read_text('utf-8', 'replace')[-2000:]}")

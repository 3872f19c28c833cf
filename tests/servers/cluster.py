"""A primary and its standby: the one dies, the other takes over, and the dead one comes back as the new standby.

A synchronous standby holds all that was acknowledged; an asynchronous one may lack a tail of it.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.postgres import SETTINGS, Account, NoServer, Server, binaries, free_port, local


class Cluster:
    """Two servers of one history. `url` names both, so that a client finds the primary among them."""

    def __init__(self, primary: Server, *, synchronous: bool) -> None:
        self.primary = primary
        self._synchronous = synchronous
        self._folders = 0
        self.standby = self._join(free_port())

    @property
    def url(self) -> str:
        """Both addresses, always in the same order."""
        ports = sorted(_port(each) for each in (self.primary, self.standby))
        credentials = self.primary.url.rpartition("@")[0]
        return f"{credentials}@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/postgres"

    def fail_over(self) -> None:
        """Kill the primary and promote its standby; then there is none, so that nothing waits for it."""
        self.primary.kill()
        if not self.standby.runs:
            self.standby.start()
        self.promote()

    def catch_up(self) -> None:
        """Wait until the standby has all that the primary has now, whatever it has just been through."""
        end = self._patiently("SELECT pg_current_wal_lsn()")
        self._wait_for(f"SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= '{end}'")

    def hold_back(self) -> None:
        """Let the standby get nothing more; it comes again to be promoted."""
        self.standby.kill()

    def promote(self) -> None:
        """Make the standby a primary, whatever the other one is."""
        self._as_owner("pg_ctl", "promote", "-w", "-D", str(self.standby.data))
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self) -> None:
        """Make a new standby of the new primary at the dead one's address."""
        port = _port(self.standby)
        assert self.standby.data is not None
        shutil.rmtree(self.standby.data)
        self.standby = self._join(port)

    def sql(self, text: str) -> str:
        """Run a statement on the primary as its owner; return what psql prints."""
        where = ["-h", str(self.primary.home), "-p", str(_port(self.primary)), "-U", "ensue", "-d", "postgres"]
        return self._as_owner("psql", "-XAtq", *where, "-c", text)

    def close(self) -> None:
        """End the standby; the primary is ended by who started the first one, or here."""
        for each in (self.primary, self.standby):
            if each.runs:
                each.kill()

    def _join(self, port: int) -> Server:
        self._folders += 1
        primary = self.primary
        assert primary.data is not None
        data = primary.home / f"data{self._folders}"
        source = f"host={primary.home} port={_port(primary)} user=ensue"
        self._as_owner("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", str(data), "-d", source)
        url = primary.url.replace(f":{_port(primary)}/", f":{port}/")
        start = [*primary.start_command]
        start[start.index("-D") + 1], start[start.index("-p") + 1] = str(data), str(port)
        standby = replace(primary, url=url, data=data).started_with(start)
        standby.start()
        if self._synchronous:
            self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.sql("SELECT pg_reload_conf()")
            self._wait_for("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
        else:
            self._wait_for("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
        return standby

    def _wait_for(self, count: str) -> None:
        for _ in range(300):
            if self._patiently(count) == "1":
                return
            time.sleep(0.02)
        raise NoServer(f"the standby does not follow: {count} says {self.sql(count)!r}")

    def _patiently(self, text: str) -> str:
        """Run a statement on a primary that may be recovering."""
        for _ in range(100):
            try:
                return self.sql(text).strip()
            except NoServer:
                time.sleep(0.1)
        return self.sql(text).strip()

    def _as_owner(self, program: str, *arguments: str) -> str:
        account: Account = self.primary.account
        done = subprocess.run(
            [str(Path(self.primary.start_command[0]).with_name(program)), *arguments],
            capture_output=True, text=True, check=False, cwd="/", timeout=60,
            user=account.user, group=account.group, extra_groups=account.groups,
        )  # fmt: skip
        if done.returncode:
            raise NoServer(f"{program} failed: {(done.stderr or done.stdout)[-2000:]}")
        return done.stdout


@contextmanager
def cluster(*, synchronous: bool = True) -> Generator[Cluster]:
    """Run a primary and a standby."""
    if not (binaries() / "pg_basebackup").exists():
        pytest.skip("needs pg_basebackup and psql beside the server")
    with local(binaries(), (*SETTINGS, "wal_receiver_timeout=5s", "hot_standby=on")) as server:
        pair = Cluster(server, synchronous=synchronous)
        try:
            yield pair
        finally:
            pair.close()


def _port(server: Server) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])

"""The hint between processes: an empty datagram after each commit, to each process that has the file open.

It only saves time: what is lost is found by polling. Sockets lie in a directory beside the database, or,
where that path is too long for a socket, in the temporary directory under a name made from the database's.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

_PATH_BYTES_MAX = 100
_HELLO = b"h"


class Wake:
    """Sends and hears hints. Sending is for the writer's thread, the rest for the event loop."""

    def __init__(self, path: Path) -> None:
        self._directory = _directory(path)
        self._name = f"{os.getpid():x}-{uuid4().hex[:8]}"
        self._inbox: socket.socket | None = None
        self._outbox: socket.socket | None = None
        self._peers: list[str] = []
        self._seen = -1
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, loop: asyncio.AbstractEventLoop, heard: Callable[[], None]) -> bool:
        """Begin to listen; False where sockets cannot be had here, and polling has to do."""
        try:
            self._inbox = _socket()
            self._bind(self._inbox)
            self._outbox = _socket()
            loop.add_reader(self._inbox, self._hear, heard)
        except (OSError, NotImplementedError, AttributeError):
            self.close()
            return False
        self._loop = loop
        self._send(_HELLO)
        return True

    def close(self) -> None:
        """Stop listening and remove the socket; the directory goes with the last one."""
        if self._inbox is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._inbox)
            self._inbox.close()
            (self._directory / self._name).unlink(missing_ok=True)
            with suppress(OSError):  # others are there
                self._directory.rmdir()
        if self._outbox is not None:
            self._outbox.close()
        self._inbox = self._outbox = self._loop = None

    def send(self) -> None:
        """Tell all others that something was committed."""
        self._send(b"")

    def _send(self, what: bytes) -> None:
        """Whoever does not listen any more is forgotten."""
        outbox = self._outbox
        if outbox is None:
            return
        for peer in self._current_peers():
            try:
                outbox.sendto(what, peer)
            except BlockingIOError:
                pass  # it has hints enough
            except (ConnectionRefusedError, FileNotFoundError):
                Path(peer).unlink(missing_ok=True)
            except OSError:
                pass  # polling finds it

    def _bind(self, inbox: socket.socket) -> None:
        """Another process may remove the empty directory at any moment, so try again."""
        for _ in range(8):
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if self._directory.stat().st_uid != os.getuid():
                raise PermissionError(self._directory)
            try:
                return inbox.bind(str(self._directory / self._name))
            except FileNotFoundError:
                continue
        raise FileNotFoundError(self._directory)

    def _current_peers(self) -> list[str]:
        """List the directory anew only where it has changed."""
        try:
            changed = os.stat(self._directory).st_mtime_ns
            if changed != self._seen:
                names = os.listdir(self._directory)
                self._peers = [str(self._directory / each) for each in names if each != self._name]
                self._seen = changed
        except OSError:
            return []
        return self._peers

    def _hear(self, heard: Callable[[], None]) -> None:
        """Take all datagrams that wait: many hints are one."""
        inbox = self._inbox
        if inbox is None:
            return
        try:
            for _ in range(64):
                if inbox.recv(1) == _HELLO:
                    self._seen = -1  # a directory's time is too coarse to show each arrival
        except OSError:
            pass
        heard()


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _directory(path: Path) -> Path:
    beside = Path(f"{path}-wake")
    if len(os.fsencode(beside)) + 20 <= _PATH_BYTES_MAX:
        return beside
    name = blake2b(os.fsencode(path), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"ensue-{os.getuid()}-{name}"

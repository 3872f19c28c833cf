"""Whose turn it is to write, among all processes: two lock files beside the database.

SQLite's own busy handler sleeps up to 100 ms between tries and serves nobody in order. Here a writer takes
`-turn` (I am next), then `-lock` (I write), and lets go of `-turn`: one that has just written cannot push in
before the one who waits. It also keeps versions with the WAL-reset bug from writing or checkpointing from
two connections at once.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType

from ensue_adapters.sqlite.trouble import locked

_SHORTEST, _LONGEST = 0.0001, 0.001


class Turn:
    """A context manager: inside it, nobody else writes or checkpoints. For one thread."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._next = self._lock = -1
        self._sleep = threading.Event()

    def open(self) -> None:
        """Open or create the lock files; raises `OSError`."""
        self._next = _open(f"{self._path}-turn")
        self._lock = _open(f"{self._path}-lock")

    def close(self) -> None:
        """Let go of the lock files."""
        for each in (self._next, self._lock):
            if each >= 0:
                os.close(each)
        self._next = self._lock = -1

    def __enter__(self) -> None:
        """Wait for the turn; raises `StoreUnavailable` where it does not come in time."""
        self._take(self._next)
        try:
            self._take(self._lock)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn to the next."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, lock: int) -> None:
        """Try, then try again after short sleeps: a blocking call could never be given up."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        slept, pause = 0.0, _SHORTEST
        while True:
            self._sleep.wait(pause)
            slept += pause
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if slept > self._busy_seconds:
                    raise locked(self._path) from None
                pause = min(pause * 1.5, _LONGEST)


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

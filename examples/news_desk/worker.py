"""The worker of the demo: `ensue run app:engine` in a process of its own, which is always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
STOP_SECONDS = 10


class WorkerEnded(RuntimeError):
    """The worker's process is gone before its time."""


class Worker:
    """A running worker and the file that its output goes to."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process, self.output = process, output

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def check(self) -> None:
        """Raise `WorkerEnded` where it does not run."""
        code = self._process.poll()
        if code is not None:
            raise WorkerEnded(f"the worker ended with status {code}")

    def is_ready(self) -> bool:
        """Whether it has said that it runs: its first words name its process."""
        return f"process {self.pid}" in self.output.read_text("utf-8", errors="replace")

    def stop(self) -> int:
        """Ask it to finish what it does and end, as a deploy would; returns its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


@contextmanager
def running_worker(output: Path, settings: Mapping[str, str]) -> Generator[Worker]:
    """Start a worker with these environment variables; it is stopped when the block ends, however it ends."""
    if not command_path().exists():
        raise WorkerEnded(f"there is no {command_path()}: install the project into this Python (`make env`)")
    command = [str(command_path()), "run", "app:engine"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=HERE, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        worker = Worker(process, output)
        try:
            yield worker
        finally:
            worker.stop()


def command_path() -> Path:
    """Return the `ensue` command that belongs to this Python."""
    return Path(sys.executable).with_name("ensue")

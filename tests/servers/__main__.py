"""Runs a command with a server of its own: `python -m tests.servers postgres|kafka COMMAND ... {url} ...`.

The server is the tests' choice (postgres.py, kafka.py), set as one that keeps data; `{url}` becomes the URL of a
schema on it, or of a log whose views are a SQLite file. Exits as the command does. On a terminal, a server that was
started here stays until Ctrl-C, to be looked at.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote
from uuid import uuid4

from tests.servers import kafka
from tests.servers.postgres import DURABLE, NoServer, running

URL = "{url}"
SCHEMA = "ensue_demo"
SERVERS = ("postgres", "kafka")


def main(arguments: list[str]) -> int:
    """Run a command beside a server; returns its exit status."""
    word, command = arguments[0] if arguments else "", arguments[1:]
    if word not in SERVERS or not any(URL in each for each in command):
        print(f"write: python -m tests.servers {'|'.join(SERVERS)} COMMAND ... {URL} ...", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    try:
        with _kafka() if word == "kafka" else _postgres() as (url, ours):
            status = _run([each.replace(URL, url) for each in command])
            if ours and sys.stdin.isatty() and sys.stdout.isatty():
                print("The server runs until you press Ctrl-C.")
                _sleep()
            return status
    except (NoServer, kafka.NoBroker) as error:
        print(error, file=sys.stderr)
        return 2


@contextmanager
def _postgres() -> Generator[tuple[str, bool]]:
    with running(settings=DURABLE) as server:
        yield f"{server.url}?schema={SCHEMA}", server.ours


@contextmanager
def _kafka() -> Generator[tuple[str, bool]]:
    with kafka.running() as broker, tempfile.TemporaryDirectory(prefix="ensue-views-") as folder:
        views = f"sqlite:///{quote(str(Path(folder) / 'views.db'))}"
        name = "news" if broker.cluster is not None else f"news-{uuid4().hex[:8]}"
        yield f"kafka://{broker.address}/{name}?views={views}", broker.cluster is not None


def _run(command: list[str]) -> int:
    """Run a command to its end; what ends this process is passed on to it first."""
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()  # it was pressed for both
    except SystemExit:
        process.terminate()
        process.wait()
        raise


def _sleep() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


def _leave(number: int, frame: object) -> NoReturn:
    """End on a signal as on an error, so that the server is stopped then, too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

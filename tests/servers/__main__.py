"""Runs a command with a Postgres of its own: `python -m tests.servers COMMAND ... {url} ...`.

The server is the tests' choice (postgres.py), set as one that keeps data; `{url}` becomes the URL of a schema on it.
Exits as the command does. On a terminal, a server that was started here stays until Ctrl-C, to be looked at.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import NoReturn

from tests.servers.postgres import DURABLE, NoServer, running

URL = "{url}"
SCHEMA = "ensue_demo"


def main(command: list[str]) -> int:
    """Run a command beside a server; returns its exit status."""
    if not any(URL in each for each in command):
        print(f"no command says where the address belongs: python -m tests.servers COMMAND ... {URL}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _leave)
    try:
        with running(settings=DURABLE) as server:
            status = _run([each.replace(URL, f"{server.url}?schema={SCHEMA}") for each in command])
            if server.ours and sys.stdin.isatty() and sys.stdout.isatty():
                print("The server runs until you press Ctrl-C.")
                _sleep()
            return status
    except NoServer as error:
        print(error, file=sys.stderr)
        return 2


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

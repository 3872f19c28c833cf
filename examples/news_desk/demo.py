"""Watch the news desk react: a worker in a process of its own, six scenarios, each checked exactly.

make demo                          # or: python examples/news_desk/demo.py
make demo ARGS="--feed URL"        # reads one more feed, anyone's
make demo STORE=postgres           # on a Postgres that it starts itself
make demo STORE=URL                # on another store
make demo ARGS="--keep"            # on what the last run left behind
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import importlib.util
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".demo"
STORE = FOLDER / "news.db"
WORKER_OUTPUT = FOLDER / "worker.log"

SETTINGS = {"NEWS_DESK_INGEST_SCHEDULE": "*/3 * * * * *", "NEWS_DESK_ARCHIVE_SCHEDULE": "*/4 * * * * *"}
"""The schedules of the demo: every three and every four seconds, so that they are seen firing."""

os.environ.update(SETTINGS)  # read by tasks.py when it is imported below, here as in the worker

from check import Check  # noqa: E402
from feeds import serve_feeds  # noqa: E402
from report import Report  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from tasks import tasks  # noqa: E402
from worker import Worker, WorkerEnded, command_path, running_worker  # noqa: E402

from ensue import Engine, EnsueError  # noqa: E402


def main() -> int:
    """Run the demo; returns the exit status."""
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, leave)
    report = Report()
    FOLDER.mkdir(exist_ok=True)
    with only_one() as alone:
        if not alone:
            report.trouble(f"another demo is running in {FOLDER}: wait until it has ended")
            return 2
        url = arguments.store or store_url(keep=arguments.keep)
        begun = datetime.now(UTC)
        with serve_feeds() as feeds:
            settings = {**SETTINGS, "ENSUE_URL": url, "NEWS_DESK_FEEDS": feeds}
            report.opening(url_shown(url), feeds)
            try:
                with running_worker(WORKER_OUTPUT, settings) as worker:
                    well = asyncio.run(demonstrate(url, worker, report, arguments.feed))
            except (WorkerEnded, EnsueError, TimeoutError, AssertionError) as error:
                report.trouble(f"{type(error).__name__}: {error}")
                well = 0
        if well < len(SCENARIOS):
            report.worker_output(WORKER_OUTPUT)
        report.next_commands(next_commands(url), datetime.now(UTC) - begun)
        report.verdict(well, len(SCENARIOS))
        return 0 if well == len(SCENARIOS) else 1


async def demonstrate(url: str, worker: Worker, report: Report, feed: str | None) -> int:
    """Fire every scenario alone, then all at once; returns how many came out exactly as expected."""
    async with Engine(url, tasks=[tasks]) as engine:
        check = Check(engine, worker)
        await check.worker_is_ready()
        report.worker_is_ready(worker.pid, await check.triggers())
        for number, scenario in enumerate(SCENARIOS, 1):
            report.scenario(number, scenario, await check.alone(scenario))
        report.crowd(await check.all_at_once())
        if feed:
            report.other_feed(feed, await check.other_feed(feed))
        status = worker.stop()
        report.closing(await check.nothing_else(status))
        return check.well


def leave(number: int, frame: object) -> None:
    """End on a signal as on an error, so that the worker is stopped then, too."""
    sys.exit(128 + number)


@contextmanager
def only_one() -> Generator[bool]:
    """Whether no other demo runs in this tree; two would share one store."""
    with (FOLDER / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def store_url(*, keep: bool) -> str:
    """Return the URL of the demo's own store, emptied unless it is to be kept."""
    if not keep:
        for each in FOLDER.glob(f"{STORE.name}*"):
            if each.is_file() or each.is_socket():
                each.unlink()
    return f"sqlite:///{quote(str(STORE))}"


def url_shown(url: str) -> str:
    """Return a store's URL as one types it in the folder of the project."""
    return url.replace(quote(str(ROOT)) + "/", "")


def next_commands(url: str) -> Mapping[str, str]:
    """Return what to try now, with what it shows, as typed where the reader stands."""
    ensue = shlex.quote(relative(command_path()))
    where = shlex.quote(f"sqlite:///{quote(relative(STORE))}" if url == store_url(keep=True) else url)
    commands = {
        f"{ensue} events --url {where}": "the events, and whether anything reacted to them",
        f"{ensue} trace --last --url {where}": "the latest cause, and all its effects",
        f"{ensue} runs --url {where}": "why each task ran",
        f"{ensue} triggers --url {where}": "what is declared, and what it has done",
    }
    if url == store_url(keep=True):
        query = "select kind, count(*) from facts group by kind"
        commands[f'{sqlite_command()} {shlex.quote(relative(STORE))} "{query}"'] = "the log itself, in plain SQL"
    elif url.startswith("postgres") and shutil.which("psql"):
        place, _, options = url.partition("?")
        schema = dict(parse_qsl(options)).get("schema", "ensue")
        query = f"select kind, count(*) from {schema}.facts group by kind"
        commands[f'psql {shlex.quote(place)} -c "{query}"'] = "the log itself, in plain SQL"
    return commands


def sqlite_command() -> str:
    """Return what runs a line of SQL here: SQLite's own shell, else the one of newer Pythons."""
    if shutil.which("sqlite3") or not importlib.util.find_spec("sqlite3.__main__"):
        return "sqlite3"
    return f"{shlex.quote(relative(Path(sys.executable)))} -m sqlite3"


def relative(path: Path) -> str:
    """Return a path as typed where the reader stands, where that is inside the project."""
    here = Path.cwd()
    return os.path.relpath(path, here) if here.is_relative_to(ROOT) else str(path)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Watch the news desk react, and check that it does.")
    parser.add_argument("--feed", metavar="URL", help="read this RSS or Atom feed, too")
    parser.add_argument("--store", metavar="URL", help="use this store instead of .demo/news.db")
    parser.add_argument("--keep", action="store_true", help="go on with the store that the last run left")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

"""Plants known bugs, one at a time, and sees that the suite notices: `python -m tests.plant [NAME ...] [--list]`.

Each is planted in a copy of the tree. Prints who noticed. Exits with 1 where a bug was missed, or cannot be planted.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import threading
from pathlib import Path

from tests.plant.bugs import BUGS, Bug
from tests.plant.planting import Found, copy_tree, run_tests, try_bug


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.plant", description=__doc__)
    parser.add_argument("names", nargs="*", help="these bugs only")
    parser.add_argument("--list", action="store_true", help="list the bugs and the promises they break")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--healthy", action="store_true", help="first run their tests without any bug")
    said = parser.parse_args()
    unknown = sorted(set(said.names) - {each.name for each in BUGS})
    if unknown:
        print(f"no bug is called {', '.join(unknown)}: --list shows them all")
        return 2
    bugs = [each for each in BUGS if not said.names or each.name in said.names]
    if said.list:
        for each in bugs:
            print(f"{each.name:40} {each.promise}")
        return 0
    return _plant(bugs, said.jobs, healthy=said.healthy)


def _plant(bugs: list[Bug], jobs: int, *, healthy: bool) -> int:
    waiting: queue.SimpleQueue[Bug] = queue.SimpleQueue()
    for each in bugs:
        waiting.put(each)
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="ensue-plant-") as directory:
        if healthy:
            tree = Path(directory) / "healthy"
            copy_tree(tree)
            for tests in dict.fromkeys(each.tests for each in bugs):
                verdict, by = run_tests(tests, tree)
                if verdict != "missed":
                    print(f"without any bug, {' '.join(tests)} does not pass: {by}")
                    return 1
        threads = [
            threading.Thread(target=_work, args=(waiting, Path(directory) / f"tree{number}", found))
            for number in range(min(jobs, len(bugs)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    bad = [each for each in found if each.verdict != "caught"]
    print(
        f"{len(found) - len(bad)} of {len(bugs)} planted bugs caught"
        + "".join(f", {x.bug.name} {x.verdict}" for x in bad)
    )
    return 1 if bad or len(found) < len(bugs) else 0


def _work(waiting: queue.SimpleQueue[Bug], tree: Path, found: list[Found]) -> None:
    copy_tree(tree)
    while True:
        try:
            bug = waiting.get_nowait()
        except queue.Empty:
            return
        each = try_bug(bug, tree)
        found.append(each)
        print(f"{each.verdict:7} {bug.name:40} {each.seconds:5.1f} s  {each.by}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

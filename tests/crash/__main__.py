"""Kills real processes for a while: `python -m tests.crash --seconds 60 [--seed 1]`, or `--points` for each fail-point.

Round after round, each with a seed of its own and a fresh store, faults for some seconds and then none; with
`--store postgres` the server is killed, too, with `--store kafka` each of three brokers. What is wrong is printed with
the seed and the directory, which is kept. Exits with 1 where anything was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.fleet import Fleet, at_point, attack, attack_with_brokers, attack_with_server
from tests.crash.points import POINTS, Kind
from tests.crash.processes import fork
from tests.servers.kafka import running as running_kafka
from tests.servers.postgres import running

ROUND_SECONDS = 10.0


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long to go on killing")
    parser.add_argument("--seed", type=int, default=None, help="the first round's seed")
    parser.add_argument("--points", nargs="*", metavar="NAME", help="die at these fail-points instead (at all of them)")
    parser.add_argument("--store", choices=[*POINTS], default="sqlite", help="the kind of store")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each round")
    parser.add_argument("--once", action="store_true", help="each fail-point in one layout only, not in both")
    parser.add_argument("--jobs", type=int, default=3, help="how many fail-points at once")
    said = parser.parse_args()
    if said.points is not None:
        known = POINTS[said.store]
        unknown = sorted(set(said.points) - set(known))
        if unknown:
            print(f"no fail-point is called {', '.join(unknown)}: use some of {', '.join(known)}")
            return 2
        trials = _trials(said.store, said.points or list(known), said.once)
        if said.store == "sqlite":
            return _points(trials, said.jobs, said.json)
        if said.store == "kafka":
            with running_kafka() as kafka:
                return _points(trials, said.jobs, said.json, f"kafka://{kafka.address}/sim_{{}}")
        with running() as server:
            return _points(trials, said.jobs, said.json, f"{server.url}?schema=sim_{{}}")
    seed = random.SystemRandom().randrange(1_000_000) if said.seed is None else said.seed
    attacks = {"sqlite": attack, "postgres": attack_with_server, "kafka": attack_with_brokers}
    return _rounds(attacks[said.store], said.seconds, seed, said.json)


def _rounds(attack: Callable[..., Fleet], seconds: float, seed: int, as_json: bool) -> int:
    """Attack deployments, one after the other."""
    until = time.monotonic() + seconds
    totals: Counter[str] = Counter()
    failed = 0
    while True:
        left = until - time.monotonic()
        if left <= 1 and totals["rounds"]:
            break
        chaos = min(ROUND_SECONDS, max(left * 0.6, 1.0))
        found = _in_process(partial(attack, seed=seed, seconds=chaos))
        totals.update({"rounds": 1, **found["counts"]})
        failed += bool(found["wrong"])
        _report(f"seed {seed}", found, as_json)
        seed += 1
    done = ", ".join(f"{name} {count}" for name, count in sorted(totals.items()) if name != "rest_ms")
    print(
        f"{'FAILED' if failed else 'all well'}: {failed} of {totals['rounds']} rounds failed; {done}", file=sys.stderr
    )
    return 1 if failed else 0


def _trials(store: Kind, names: list[str], once: bool) -> list[tuple[str, bool]]:
    """Return where to die, and whether the roles are in processes of their own then."""
    return [
        (name, apart)
        for number, name in enumerate(names)
        for apart in (False, True)
        if (not apart if POINTS[store][name].together else not once or apart == bool(number % 2))
    ]


def _points(waiting: list[tuple[str, bool]], jobs: int, as_json: bool, server: str = "") -> int:
    """Die at each point, with all roles in one process and apart; some at once."""
    trying: dict[int, tuple[str, bool, Path]] = {}
    failed = 0
    while waiting or trying:
        while waiting and len(trying) < jobs:
            name, apart = waiting.pop(0)
            directory = Path(tempfile.mkdtemp(prefix="ensue-crash-"))
            make = partial(at_point, name=name, apart=apart, server=server.format(len(waiting)))
            pid = fork(partial(_write, make, directory), directory / "fleet.log")
            trying[pid] = name, apart, directory
        pid, _ = os.waitpid(-1, 0)
        name, apart, directory = trying.pop(pid)
        found = _read(directory)
        failed += bool(found["wrong"])
        _report(f"{name} {'apart' if apart else 'together'}", found, as_json)
    return 1 if failed else 0


def _in_process(make: Callable[[Path], Fleet]) -> dict[str, Any]:
    directory = Path(tempfile.mkdtemp(prefix="ensue-crash-"))
    os.waitpid(fork(lambda: _write(make, directory), directory / "fleet.log"), 0)
    return _read(directory)


def _write(make: Callable[[Path], Fleet], directory: Path) -> int:
    fleet = make(directory)
    found = {"wrong": fleet.wrong, "counts": dict(fleet.counts), "directory": str(directory)}
    (directory / "found.json").write_text(json.dumps(found))
    return 0


def _read(directory: Path) -> dict[str, Any]:
    answer = directory / "found.json"
    if not answer.exists():
        said = (directory / "fleet.log").read_text()
        return {"wrong": [f"the round broke: {said[-2000:]}"], "counts": {}, "directory": str(directory)}
    found: dict[str, Any] = json.loads(answer.read_text())
    if not found["wrong"]:
        shutil.rmtree(directory, ignore_errors=True)
    return found


def _report(name: str, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"name": name, **found}), flush=True)
        return
    counts = ", ".join(f"{each} {count}" for each, count in sorted(found["counts"].items()))
    print(f"{name}: {'WRONG' if found['wrong'] else 'well'} ({counts})", flush=True)
    for text in found["wrong"]:
        print(f"    {text}", flush=True)
    if found["wrong"]:
        print(f"    kept in {found['directory']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

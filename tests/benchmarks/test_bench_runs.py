"""The benchmarks run and give every figure. How large the figures are is no matter of a test."""

import io
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks import MEASURES
from benchmarks.__main__ import Results
from benchmarks.figures import Figure, Run, percentile
from benchmarks.kafka import MEASURES as KAFKA_MEASURES
from benchmarks.peers import PEERS, UNFINISHED
from benchmarks.peers.environments import VERSIONS, version_of
from benchmarks.postgres import MEASURES as POSTGRES_MEASURES
from benchmarks.postgres.peers import QUANTITIES, ratios
from tests.house.tree import ROOT
from tests.servers.kafka import Kafka
from tests.servers.postgres import Server

ON_POSTGRES = {"peers": 8, "latency": 6, "emit": 3, "reactions": 9, "ingest": 3, "growth": 12}
ON_KAFKA = {"emit": 5, "latency": 5, "reactions": 3, "scale": 3}
FIGURES = {
    "latency": 6, "burst": 2, "idle": 1, "polls": 2, "emit": 3, "folds": 4, "replays": 8, "reactions": 5, "growth": 12,
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURES)
def test_a_short_run_gives_every_figure(name: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--folder", str(tmp_path), "--json", str(results), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    figures = msgspec.json.decode(results.read_bytes(), type=Results).figures
    assert len(figures) == FIGURES[name]
    assert all(each.measure == name and each.value >= 0 for each in figures)
    assert all(each.name in done.stdout for each in figures)


@pytest.mark.parametrize("name", POSTGRES_MEASURES)
def test_a_short_run_on_postgres_gives_every_figure(name: str, tmp_path: Path, postgres: Server) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--store", "postgres", "--server", postgres.url, "--no-peers"]
    command += ["--quick", "--folder", str(tmp_path), "--json", str(results), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    figures = msgspec.json.decode(results.read_bytes(), type=Results).figures
    assert len(figures) == ON_POSTGRES[name]
    assert all(each.measure == name and each.value >= 0 for each in figures)
    assert "peers" not in done.stdout or name == "peers"


@pytest.mark.parametrize("name", KAFKA_MEASURES)
def test_a_short_run_on_kafka_gives_every_figure(name: str, tmp_path: Path, kafka: Kafka) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--store", "kafka", "--server", kafka.address]
    command += ["--quick", "--folder", str(tmp_path), "--json", str(results), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    figures = msgspec.json.decode(results.read_bytes(), type=Results).figures
    assert len(figures) == ON_KAFKA[name]
    assert all(each.measure == name and each.value >= 0 for each in figures)


def test_the_table_of_ratios_says_how_many_times_better() -> None:
    figures = [
        Figure("peers", f"{quantity}: {name}", 100 if name == "ensue" else 50, unit)
        for quantity, unit in QUANTITIES
        for name in ("ensue", *PEERS)
    ]
    table = ratios(figures)
    assert table is not None
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    lines = console.export_text().splitlines()
    assert "50 (2.0x)" in next(line for line in lines if line.startswith("chains"))
    assert "50 (0.5x)" in next(line for line in lines if line.startswith("start at rest, p50"))
    assert ratios([each for each in figures if each.name.endswith("ensue")]) is None


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_is_pinned_and_known(name: str) -> None:
    assert version_of(name)
    assert name in UNFINISHED
    pins = (VERSIONS / f"{name}.txt").read_text("utf-8").splitlines()
    assert all("==" in pin and "://" not in pin for pin in pins)


def test_a_bound_may_be_on_the_ratio_to_the_bare_peer() -> None:
    emit = Figure("emit", "one caller", 700, "/s", 0.6, "more", "ratio", bare=1_000)
    assert emit.kept
    assert not msgspec.structs.replace(emit, value=500).kept
    assert Figure("idle", "at rest", 1.0, "%").kept is None


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1, 2], 0.99) == 2


def test_a_short_run_is_not_mistaken_for_a_full_one(tmp_path: Path) -> None:
    assert Run(tmp_path, quick=True).pick(100, 1) == 1
    assert Run(tmp_path).pick(100, 1) == 100

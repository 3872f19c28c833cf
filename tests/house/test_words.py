"""Words that must not stand in certain files."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, modules, shown

CLOCK = ROOT / "engine" / "ensue_core" / "clock.py"

# Modules that run code found in data, and the calls that do.
RUNS_DATA = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
RUNS_TEXT = {"eval", "exec", "builtins.eval", "builtins.exec"}

READS_WALL_TIME = {
    "time.time",
    "time.time_ns",
    "time.clock_gettime",
    "time.clock_gettime_ns",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
}
READS_OTHER_TIME = {"time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"}

# Spelled in two parts, or this file would break its own rule.
NAMES_A_PLACE = re.compile(
    "|".join(
        [
            r"\bpypi\." + "org",
            r"\bpython" + r"hosted\.org",
            r"\bregistry\.npm" + r"js\.org",
            r"\bregistry\.yarn" + r"pkg\.com",
            r"\bmaven\.(?:apache\.)?o" + "rg",
            r"\brepo1?\.ma" + r"ven\b",
            r"\bmaven\.goo" + r"gle\.com",
            r"\bcrates\." + "io",
            r"\bproxy\.go" + r"lang\.org",
            r"\bdeb\.deb" + r"ian\.org",
            r"(?<![\w./-])/wo" + r"rk/",
            r"(?<![\w-])\.lib" + r"rary/",
            r"\bfa" + r"rm-[a-z]",
        ]
    )
)


def names_used(source: str) -> Iterator[tuple[int, str]]:
    """Each imported or used name of a source, in full and with its line, whatever it was imported as."""
    tree = ast.parse(source)
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (dotted := spelled(node)):
            first, dot, rest = dotted.partition(".")
            yield node.lineno, known.get(first, first) + dot + rest


def spelled(node: ast.expr) -> str:
    """The dotted name that an expression is, or nothing."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute) if owner := spelled(value):
            return f"{owner}.{attribute}"
        case _:
            return ""


def runs_code_from_data(source: str) -> set[str]:
    """The names by which a source could run code that came as data."""
    return {name for _, name in names_used(source) if name in RUNS_TEXT or name.partition(".")[0] in RUNS_DATA}


def reads_time(source: str) -> set[str]:
    """The names by which a source reads a clock."""
    return {name for _, name in names_used(source) if name in READS_WALL_TIME | READS_OTHER_TIME}


def test_pages_and_examples_name_only_the_public_package() -> None:
    # The decisions are for those who change the project, and name its inner packages.
    pages = [
        path
        for path in files()
        if path == ROOT / "README.md"
        or path.is_relative_to(ROOT / "examples")
        or (path.is_relative_to(ROOT / "docs") and not path.is_relative_to(ROOT / "docs" / "decisions"))
    ]
    assert ROOT / "README.md" in pages
    assert [shown(path) for path in pages if b"ensue_" in path.read_bytes()] == []


def test_no_tracked_file_names_a_registry_or_a_workplace() -> None:
    tracked = files()
    assert Path(__file__) in tracked
    assert ROOT / "requirements.lock" in tracked
    assert [
        f"{shown(path)}: {found[0]}"
        for path in tracked
        if (found := NAMES_A_PLACE.search(path.read_text("utf-8", errors="replace")))
    ] == []


def test_no_source_runs_code_that_came_as_data() -> None:
    sources = modules()
    assert sources
    found = {shown(path): runs_code_from_data(path.read_text("utf-8")) for _, path in sources}
    assert {name: what for name, what in found.items() if what} == {}


def test_one_source_reads_the_time() -> None:
    sources = modules()
    assert sources
    found = {shown(path): reads_time(path.read_text("utf-8")) for _, path in sources if path != CLOCK}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import pickle", "pickle"),
        ("import pickle as p\np.loads(b'')", "pickle.loads"),
        ("from marshal import loads", "marshal.loads"),
        ("def late() -> None:\n    import shelve\n    shelve.open('x')", "shelve.open"),
        ("eval('1')", "eval"),
        ("run = exec", "exec"),
        ("import builtins\nbuiltins.eval('1')", "builtins.eval"),
    ],
)
def test_code_that_runs_data_is_noticed(source: str, name: str) -> None:
    assert name in runs_code_from_data(source)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import time\ntime.time()", "time.time"),
        ("import time as t\nnow = t.time_ns", "time.time_ns"),
        ("from time import monotonic as tick\ntick()", "time.monotonic"),
        ("from datetime import datetime\ndatetime.now(None)", "datetime.datetime.now"),
        ("import datetime as dt\ndt.datetime.utcnow()", "datetime.datetime.utcnow"),
        ("import datetime\ndatetime.date.today()", "datetime.date.today"),
        ("from time import perf_counter", "time.perf_counter"),
    ],
)
def test_reading_a_clock_is_noticed(source: str, name: str) -> None:
    assert name in reads_time(source)


@pytest.mark.parametrize(
    "source",
    ["import ast\nast.literal_eval('1')", "import time\ntime.sleep(1)", "clock.now()", "cursor.execute('x')"],
)
def test_harmless_code_is_not_mistaken(source: str) -> None:
    assert runs_code_from_data(source) == set()
    assert reads_time(source) == set()


@pytest.mark.parametrize(
    "text",
    [
        "https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
        "registry.npm" + "js.org/x",
        "repo.ma" + "ven.apache." + "o" + "rg",
        "cd /wo" + "rk/main",
        "x/.lib" + "rary/env",
        "the fa" + "rm-cli",
    ],
)
def test_the_name_of_a_place_is_noticed(text: str) -> None:
    assert NAMES_A_PLACE.search(text)


@pytest.mark.parametrize("text", ["src/work/x", "framework/", "http://www.apache.org/licenses/", "a library/"])
def test_other_names_are_not_mistaken(text: str) -> None:
    assert not NAMES_A_PLACE.search(text)

"""mypy and pyright, both strict, accept what must pass and mark exactly what must fail."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ensue import Tasks
from ensue.program import assemble

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROOTS = [str(ROOT / name) for name in ("engine", "projections", "adapters")]
PASSING = sorted((HERE / "must_pass").glob("*.py"))
FAILING = sorted((HERE / "must_fail").glob("*.py"))
MARK = re.compile(r"# E: ([\w, ]+)$")

Errors = Mapping[Path, Mapping[int, str]]


@pytest.fixture(scope="session")
def errors_of(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Errors]:
    """Run both checkers once over all programs."""
    place = tmp_path_factory.mktemp("typing")
    return {"mypy": _mypy(place), "pyright": _pyright(place)}


def _mypy(place: Path) -> Errors:
    flags = ["--strict", "--follow-imports=silent", "--explicit-package-bases", "--output=json"]
    # No configuration file but these flags: the programs are what users write.
    config = place / "mypy.ini"
    config.write_text(f"[mypy]\nmypy_path = {':'.join(ROOTS)}\nignore_missing_imports = True\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, f"--config-file={config}", f"--cache-dir={place / 'cache'}"]
        + [str(path) for path in (*PASSING, *FAILING)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[Path, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        said = json.loads(line)
        if said["severity"] == "error":
            found.setdefault(Path(said["file"]).resolve(), {})[said["line"]] = said["message"]
    return found


def _pyright(place: Path) -> Errors:
    # Pyright reads only what lies below its configuration file.
    for path in (*PASSING, *FAILING):
        copy = place / path.parent.name / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text())
    settings = {"typeCheckingMode": "strict", "extraPaths": ROOTS, "include": ["must_pass", "must_fail"]}
    # An expression alone on its line is how the programs show a wrong one.
    config = place / "pyrightconfig.json"
    config.write_text(json.dumps(settings | {"reportUnusedExpression": False}))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(config), "--outputjson", "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(PASSING) + len(FAILING), done.stderr
    found: dict[Path, dict[int, str]] = {}
    for said in report["generalDiagnostics"]:
        if said["severity"] == "error":
            path = HERE / Path(said["file"]).resolve().relative_to(place.resolve())
            found.setdefault(path.resolve(), {})[said["range"]["start"]["line"] + 1] = said["message"]
    return found


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
@pytest.mark.parametrize("path", [*PASSING, *FAILING], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_checker_marks_exactly_the_marked_lines(path: Path, checker: str, errors_of: Mapping[str, Errors]) -> None:
    marked: set[int] = set()
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        mark = MARK.search(line)
        if mark is not None and checker in mark[1].replace(" ", "").split(","):
            marked.add(number)
    said = errors_of[checker].get(path.resolve(), {})
    assert (path.parent.name == "must_fail") == bool(marked)
    assert set(said) == marked, {line: said.get(line, "no error") for line in set(said) ^ marked}


@pytest.mark.parametrize("path", PASSING, ids=lambda path: path.stem)
def test_a_program_that_must_pass_can_be_put_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"must_pass_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    found = [each for each in vars(module).values() if isinstance(each, Tasks)]
    program = assemble(found)
    assert program.tasks

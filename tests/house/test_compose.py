"""compose.yaml is valid: Docker says so where it is there, and Kafka itself takes the settings in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.tree import ROOT
from tests.servers.jars import missing, programs, resolve
from tests.servers.kafka import NEWEST

FILE = ROOT / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["services"]


def settings(environment: dict[str, object]) -> dict[str, str]:
    """What the image makes of its environment: KAFKA_NODE_ID is node.id."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_")
    }


def refusal(values: dict[str, str], folder: Path) -> str:
    """What Kafka says against settings when it formats its storage; empty where it takes them."""
    found = programs()
    if found is None:
        raise missing()
    java, maven = found
    file = folder / "server.properties"
    file.write_text(
        "".join(f"{name}={value}\n" for name, value in {**values, "log.dirs": str(folder / "data")}.items())
    )
    done = subprocess.run(
        [java, "-cp", f"{resolve(NEWEST, maven)}/*", "kafka.tools.StorageTool", "format", "-t", "x" * 22, "-c", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_kafka_takes_its_settings_and_no_others(tmp_path: Path) -> None:
    values = settings(SERVICES["kafka"]["environment"])
    assert values["auto.create.topics.enable"] == "false"
    assert refusal(values, tmp_path) == ""
    assert "controller.listener.names" in refusal({**values, "controller.listener.names": "NOBODY"}, tmp_path)


def test_the_versions_are_those_that_the_tests_use() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{NEWEST}"


def test_ports_are_for_this_machine_only() -> None:
    for name, service in SERVICES.items():
        assert service["healthcheck"]["test"], name
        assert all(str(port).startswith("127.0.0.1:") for port in service["ports"]), name


def test_docker_takes_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("needs Docker's compose")
    done = subprocess.run(
        [docker, "compose", "-f", FILE, "config", "-q"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

"""Kafka's own jars, resolved by Maven once for each version and kept beside the Python environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(sys.prefix) / "share" / "ensue-kafka"
INSTALL = "apt-get install --yes default-jre-headless maven"
RESOLVE_SECONDS = 300

# Without a binding of slf4j a broker that cannot start would say nothing.
POM = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>ensue</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class NoBroker(Exception):
    """There is no Kafka to test with."""


def programs() -> tuple[str, str] | None:
    """The paths of Java and Maven, where both are installed."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    return (java, maven) if java and maven else None


def missing() -> NoBroker:
    """Say what is missing and which command installs it."""
    lacks = " and ".join(name for name, word in (("Java", "java"), ("Maven", "mvn")) if shutil.which(word) is None)
    return NoBroker(
        f"no Kafka to test with: name one in ENSUE_TEST_KAFKA, start Docker, or install {lacks or 'Java and Maven'} "
        f"({INSTALL})"
    )


def resolve(version: str, maven: str, folder: Path = FOLDER) -> Path:
    """Return the folder of a version's jars; Maven fetches them where they are not there yet."""
    target = folder / version
    if target.is_dir():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
        target = folder / f"ensue-kafka-{os.getuid()}-{version}"
        if target.is_dir():
            return target
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        pom.write_text(POM.format(version=version))
        command = [maven, "--quiet", "--batch-mode", "--file", str(pom), "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={jars}"], capture_output=True, timeout=RESOLVE_SECONDS, check=False
        )
        if done.returncode or not any(jars.glob("kafka_*.jar")):
            raise NoBroker(f"Maven could not fetch Kafka {version}: {(done.stdout + done.stderr).decode()[-2000:]}")
        if not target.is_dir():  # another run of the tests may have been faster
            jars.rename(target)
    return target

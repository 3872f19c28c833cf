"""A Kafka for the tests: the one that is named, one in a container, or brokers started here from Kafka's own jars.

In this order: the address in ENSUE_TEST_KAFKA; a container where a Docker daemon answers; the jars that Maven
resolves, run by Java. ENSUE_TEST_KAFKA_VERSION names another version than the newest. What is chosen and cannot
start is a failure, never a skip.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tests.servers.brokers import Broker, Cluster, cluster
from tests.servers.jars import NoBroker, missing, programs
from tests.servers.postgres import docker_answers

ADDRESS = "ENSUE_TEST_KAFKA"
VERSION = "ENSUE_TEST_KAFKA_VERSION"
NEWEST = "4.4.0"
OLDER = "3.9.2"
"""The newest of the line before."""

__all__ = ["NEWEST", "OLDER", "Broker", "Choice", "Cluster", "Kafka", "NoBroker", "choose", "cluster", "running"]


@dataclass(frozen=True)
class Choice:
    """Where the broker comes from: an address, a container of an image, or jars of a version."""

    kind: Literal["address", "container", "jars"]
    where: str


@dataclass(frozen=True)
class Kafka:
    """A running Kafka that tests may fill. `address` is host:port; `cluster` is there where it was started here."""

    address: str
    cluster: Cluster | None = None

    def url(self, topic: str, options: str = "") -> str:
        """The URL of a topic."""
        return f"kafka://{self.address}/{topic}{'?' if options else ''}{options}"


def choose(environ: Mapping[str, str], docker: bool, java: bool) -> Choice:
    """Choose among what is there. Raises `NoBroker` where nothing is."""
    version = environ.get(VERSION) or NEWEST
    if address := environ.get(ADDRESS):
        return Choice("address", address)
    if docker:
        return Choice("container", f"apache/kafka:{version}")
    if java:
        return Choice("jars", version)
    raise missing()


@contextmanager
def running(choice: Choice | None = None) -> Generator[Kafka]:
    """Start what was chosen, and end what was started."""
    if choice is None:
        choice = choose(os.environ, docker_answers(), programs() is not None)
    match choice.kind:
        case "address":
            yield Kafka(choice.where)
        case "container":
            with _container(choice.where) as kafka:
                yield kafka
        case "jars":
            with cluster(choice.where) as brokers:
                yield Kafka(brokers.address, brokers)


@contextmanager
def _container(image: str) -> Generator[Kafka]:
    from testcontainers.kafka import KafkaContainer

    with KafkaContainer(image).with_kraft() as box:
        yield Kafka(box.get_bootstrap_server())

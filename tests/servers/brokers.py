"""Brokers in KRaft mode, started from Kafka's jars: one for most tests, three where some of them are killed."""

from __future__ import annotations

import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.servers.jars import NoBroker, missing, programs, resolve

START_SECONDS = 120.0
CLUSTER_ID = "ZW5zdWUtdGVzdHMtMDAwMQ"

JAVA = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms96m",
    "-Xmx384m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
)

# Small and quick, and honest about everything but the power supply.
SETTINGS: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "num.network.threads": 2,
    "num.io.threads": 2,
    "num.replica.fetchers": 1,
    "log.cleaner.dedupe.buffer.size": 2097152,
    "replica.lag.time.max.ms": 5000,
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1000,
}


@dataclass
class Broker:
    """One node, broker and controller in one. Killed and started again it finds its data."""

    number: int
    port: int
    folder: Path
    command: Sequence[str]
    _process: subprocess.Popen[bytes] | None = None
    _guard: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "log.txt"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, wait: bool = True) -> None:
        """Start it (again); with `wait`, until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen[bytes](
                list(self.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        # Should these tests be killed themselves, the guard's input ends, and the broker with it.
        guard = ["sh", "-c", 'read word || kill -9 "$0" 2>/dev/null', str(self._process.pid)]
        self._guard = subprocess.Popen[bytes](guard, stdin=subprocess.PIPE)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers. Raises `NoBroker` with its last words where it does not."""
        assert self._process is not None
        begun = time.monotonic()
        while not answers("127.0.0.1", self.port):
            said = self.log.read_text("utf-8", "replace")[-2000:]
            if self._process.poll() is not None:
                raise NoBroker(f"the broker ended at once: {said}")
            if time.monotonic() - begun > START_SECONDS:
                raise NoBroker(f"the broker did not answer in {START_SECONDS:g} s: {said}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as kill -9 does; what it wrote stays in the system's hands."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None

    def pause(self) -> None:
        """Stop it where it stands."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


@dataclass
class Cluster:
    """Nodes that know each other."""

    brokers: list[Broker]
    folder: Path
    ports: Mapping[str, list[int]] = field(default_factory=dict[str, list[int]])
    fronts: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Of each broker, a port that it tells clients to use, and the one it listens on for those: for a proxy between."""

    @property
    def address(self) -> str:
        """Where clients connect: host:port of every node."""
        return ",".join(f"127.0.0.1:{each.port}" for each in self.brokers)

    def listener(self, name: str) -> str:
        """Where clients connect that use a further listener."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports[name])


@contextmanager
def cluster(
    version: str,
    nodes: int = 1,
    settings: Mapping[str, object] | None = None,
    listeners: Sequence[str] = (),
    scram: Mapping[str, str] | None = None,
    proxied: bool = False,
) -> Generator[Cluster]:
    """Start nodes of a version on free ports, in a temporary folder; they always end with the block.

    `listeners` are further security protocols (SSL, SASL_PLAINTEXT, SASL_SSL) to offer, each on a port of its own,
    as `settings` describe them. `scram` are users and passwords. `proxied` asks for `fronts`.
    """
    found = programs()
    if found is None:
        raise missing()
    java, maven = found
    jars = resolve(version, maven)
    folder = Path(tempfile.mkdtemp(prefix="ensue-kafka-"))
    brokers: list[Broker] = []
    try:
        made = _made([java, *JAVA, "-cp", f"{jars}/*"], folder, nodes, settings or {}, listeners, proxied)
        brokers += made.brokers
        _format(brokers, scram or {})
        for each in brokers:
            each.start(wait=False)
        for each in brokers:
            each.wait()
        yield made
    finally:
        for each in brokers:
            each.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _made(
    java: Sequence[str],
    folder: Path,
    nodes: int,
    settings: Mapping[str, object],
    listeners: Sequence[str],
    proxied: bool,
) -> Cluster:
    """Lay out nodes: a folder each, with its settings."""
    ports = _free_ports(nodes * (2 + len(listeners)))
    fronts = list(zip(*[iter(_free_ports(2 * nodes))] * 2, strict=True)) if proxied else []
    plain, control, rest = ports[:nodes], ports[nodes : 2 * nodes], ports[2 * nodes :]
    further = {name: rest[number * nodes : (number + 1) * nodes] for number, name in enumerate(listeners)}
    voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(control, 1))
    copies = min(nodes, 3)
    brokers: list[Broker] = []
    for number in range(1, nodes + 1):
        mine = {"PLAINTEXT": plain[number - 1], **{name: far[number - 1] for name, far in further.items()}}
        told = dict(mine)
        if fronts:
            told["PROXIED"], mine["PROXIED"] = fronts[number - 1]
        home = folder / str(number)
        home.mkdir()
        values: dict[str, object] = {
            **SETTINGS,
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in mine.items())
            + f",CONTROLLER://127.0.0.1:{control[number - 1]}",
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in told.items()),
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT"
            + "".join(f",{name}:{name}" for name in listeners),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": home / "data",
            "default.replication.factor": copies,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": min(copies, 2),
            "min.insync.replicas": min(copies, 2),
            **settings,
        }
        properties = home / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        brokers.append(Broker(number, mine["PLAINTEXT"], home, [*java, "kafka.Kafka", str(properties)]))
    return Cluster(brokers, folder, further, fronts)


def _format(brokers: Sequence[Broker], scram: Mapping[str, str]) -> None:
    """Format the first node's storage, as Kafka's tool does it, and give the others copies under their own numbers."""
    first = brokers[0]
    users = [word for user, secret in scram.items() for word in _scram(user, secret)]
    properties = str(first.folder / "server.properties")
    command = [*first.command[:-2], "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties, *users]
    done = subprocess.run(command, capture_output=True, timeout=START_SECONDS, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise NoBroker(f"Kafka's storage could not be formatted: {said[-2000:]}")
    for each in brokers[1:]:
        shutil.copytree(first.folder / "data", each.folder / "data")
        meta = each.folder / "data" / "meta.properties"
        lines = meta.read_text().splitlines()
        own = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        new = {"node.id": str(each.number), "directory.id": own}
        kept = [line for line in lines if line.partition("=")[0] not in new]
        meta.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in new.items())]) + "\n")


def _scram(user: str, secret: str) -> list[str]:
    return [
        word
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for word in ("--add-scram", f"{mechanism}=[name={user},password={secret}]")
    ]


def answers(host: str, port: int) -> bool:
    """Whether a broker says which requests it understands: it takes clients then."""
    request = struct.pack(">hhih", 18, 0, 7, -1)
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (7, 0)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has, all different."""
    with_all = [socket.socket() for _ in range(count)]
    try:
        for each in with_all:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in with_all]
    finally:
        for each in with_all:
            each.close()

"""Brokers that ask who is there: SASL, TLS and rights, and the one sentence for each way to get it wrong."""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from ensue.ingest.topics import open_topic
from ensue.testing.conformance.drafts import event
from ensue_adapters.kafka.log import open_store as open_log
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import EnsueError, TopicUnavailable
from ensue_core.topics import Letter, Message, Topic
from tests.kafka.topics import create, producing
from tests.servers.brokers import Cluster, cluster
from tests.servers.kafka import NEWEST

SECRET = "s3cr/t@x:y"
OTHER = "0ther-s3cret"
MECHANISMS = ("plain", "scram-sha-256", "scram-sha-512")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and nobody else, which is its own authority."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "needs openssl to make a certificate: apt-get install openssl"
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = (folder / "key.pem").read_text() + (folder / "cert.pem").read_text()
    (folder / "both.pem").write_text(both)
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[Cluster]:
    """A broker with a door of every kind. `alice` may do anything, `bob` nothing."""
    login = "org.apache.kafka.common.security"
    plain = f'{login}.plain.PlainLoginModule required user_alice="{SECRET}" user_bob="{OTHER}";'
    settings: dict[str, object] = {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificate.with_name("both.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificate,
        "listener.name.ssl.ssl.client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:alice;User:CN=test",
    }
    for listener in ("sasl_plaintext", "sasl_ssl"):
        settings[f"listener.name.{listener}.plain.sasl.jaas.config"] = plain
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            name = f"listener.name.{listener}.{mechanism}.sasl.jaas.config"
            settings[name] = f"{login}.scram.ScramLoginModule required;"
    users = {"alice": SECRET, "bob": OTHER}
    with cluster(NEWEST, 1, settings, ("SSL", "SASL_PLAINTEXT", "SASL_SSL"), users) as brokers:
        yield brokers


@pytest.fixture(scope="module")
def topic(secure: Cluster) -> str:
    """A topic with one record."""

    async def make() -> str:
        name = await create(secure.address)
        async with producing(secure.address) as producer:
            await producer.send_and_wait(name, b"1")
        return name

    return asyncio.run(make())


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Topic, None]:
    """A topic, open."""
    topic = open_topic(url, "a", SYSTEM_CLOCK)
    try:
        await topic.open()
        yield topic
    finally:
        await topic.close()


async def read_one(url: str) -> list[bytes | None]:
    """Read, and use the dead-letter topic as well: every kind of client connects."""
    async with opened(url) as topic:
        await topic.assign({0: -1})
        found: list[Message] = []
        for _ in range(20):
            found += (await topic.read(10, 1)).get(0, [])
            if found:
                break
        await topic.park([Letter(Message(0, 0, 0, None, b"x"), "test")])
        assert [each.message.value async for each in topic.letters()][:1] == [b"x"]
        return [each.value for each in found]


def url(secure: Cluster, listener: str, topic: str, options: str = "", user: str = "") -> str:
    """The URL of a topic through one of the doors."""
    return f"kafka://{user}{'@' if user else ''}{secure.listener(listener)}/{topic}?{options}"


ALICE = f"alice:{quote(SECRET, safe='')}"


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_with_a_password_over_tls(secure: Cluster, topic: str, certificate: Path, mechanism: str) -> None:
    assert await read_one(url(secure, "SASL_SSL", topic, f"sasl={mechanism}&cafile={certificate}", ALICE)) == [b"1"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_with_a_password_on_this_machine(secure: Cluster, topic: str, mechanism: str) -> None:
    assert await read_one(url(secure, "SASL_PLAINTEXT", topic, f"sasl={mechanism}", ALICE)) == [b"1"]


async def test_with_a_certificate(secure: Cluster, topic: str, certificate: Path) -> None:
    key = certificate.with_name("key.pem")
    options = f"cafile={certificate}&certfile={certificate}&keyfile={key}"
    assert await read_one(url(secure, "SSL", topic, options)) == [b"1"]


async def test_with_the_password_in_the_environment(
    secure: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", SECRET)
    assert await read_one(url(secure, "SASL_PLAINTEXT", topic, "password_env=KAFKA_PASSWORD", "alice")) == [b"1"]


async def log_through(url: str, tmp_path: Path) -> list[str]:
    """Append to a log, read it, and look at its health: every kind of client connects."""
    views = quote(f"sqlite:///{tmp_path}/views.db", safe="")
    store = open_log(f"{url}&events=1&attempts=1&views={views}", "default", SYSTEM_CLOCK)
    await store.open()
    try:
        await store.log.append([event("one")])
        assert all(each.well for each in await store.health())
        return [each.kind for each in await store.log.read(0, 9)]
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("listener", "options", "user"),
    [
        ("SASL_SSL", "sasl=plain&cafile={certificate}", True),
        ("SASL_SSL", "sasl=scram-sha-512&cafile={certificate}", True),
        ("SASL_PLAINTEXT", "sasl=scram-sha-256", True),
        ("SSL", "cafile={certificate}&certfile={certificate}&keyfile={key}", False),
    ],
)
async def test_a_log_through_each_door(
    secure: Cluster, certificate: Path, tmp_path: Path, listener: str, options: str, user: bool
) -> None:
    said = options.format(certificate=certificate, key=certificate.with_name("key.pem"))
    where = url(secure, listener, f"log-{uuid4().hex[:8]}", said, ALICE if user else "")
    assert await log_through(where, tmp_path) == ["EventEmitted"]


@pytest.mark.parametrize("user", ["alice:wr0ng", f"bob:{OTHER}"])
async def test_a_log_that_may_not_be_used_is_refused_in_one_sentence_without_secrets(
    secure: Cluster, tmp_path: Path, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    where = url(secure, "SASL_PLAINTEXT", "log-shut", "sasl=scram-sha-512", user)
    with caplog.at_level(logging.DEBUG), pytest.raises(EnsueError) as caught:
        await log_through(where, tmp_path)
    assert user.partition(":")[0] in str(caught.value)
    for told in (str(caught.value), repr(caught.value), caplog.text):
        assert "wr0ng" not in told
        assert OTHER not in told


async def refused(url: str, says: str, caplog: pytest.LogCaptureFixture) -> None:
    """Opening says one sentence, and no secret stands anywhere."""
    with caplog.at_level(logging.DEBUG), pytest.raises(TopicUnavailable) as caught:
        async with opened(url) as topic:
            await topic.spans()
    assert says in str(caught.value)
    for told in (str(caught.value), repr(caught.value), caplog.text):
        assert SECRET not in told
        assert quote(SECRET, safe="") not in told
        assert "wr0ng" not in told


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_wrong_password(secure: Cluster, topic: str, mechanism: str, caplog: pytest.LogCaptureFixture) -> None:
    where = url(secure, "SASL_PLAINTEXT", topic, f"sasl={mechanism}", "alice:wr0ng")
    await refused(where, "refuses the credentials of user 'alice': check user and password", caplog)


async def test_a_mechanism_that_is_not_offered(topic: str, caplog: pytest.LogCaptureFixture, certificate: Path) -> None:
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": f'{login} user_alice="{SECRET}";',
    }
    with cluster(NEWEST, 1, settings, ("SASL_PLAINTEXT",)) as brokers:
        where = url(brokers, "SASL_PLAINTEXT", "any", "sasl=scram-sha-512", ALICE)
        await refused(where, "does not offer sasl=scram-sha-512: ask for another mechanism", caplog)


async def test_no_credentials_where_some_are_asked_for(
    secure: Cluster, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    says = "is no Kafka broker that talks without TLS and without a user: check the port, tls= and the credentials"
    await refused(url(secure, "SASL_PLAINTEXT", topic), says, caplog)


async def test_a_certificate_that_nobody_vouches_for(
    secure: Cluster, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    await refused(url(secure, "SASL_SSL", topic, "tls=on", ALICE), "cannot be trusted", caplog)


async def test_tls_where_none_is_spoken(secure: Cluster, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    where = f"kafka://{ALICE}@{secure.address}/{topic}?tls=on"
    await refused(where, "is no Kafka broker that talks with TLS and with a user", caplog)


async def test_no_rights_to_the_topic(secure: Cluster, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    where = url(secure, "SASL_PLAINTEXT", topic, "", f"bob:{OTHER}")
    await refused(where, f"user 'bob' may not use topic '{topic}'", caplog)


async def test_a_topic_that_is_not_there_and_is_not_made(secure: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    with cluster(NEWEST, 1, {"auto.create.topics.enable": "true"}) as brokers:
        where = f"kafka://{brokers.address}/nothing"
        for _ in range(2):
            says = f"there is no topic 'nothing' on {brokers.address}: create it, or correct the URL"
            await refused(where, says, caplog)


async def test_no_broker(caplog: pytest.LogCaptureFixture) -> None:
    where = "kafka://127.0.0.1:1,127.0.0.1:2/orders"
    says = "no Kafka broker answers at 127.0.0.1:1,127.0.0.1:2: start it, or correct the URL"
    await refused(where, says, caplog)

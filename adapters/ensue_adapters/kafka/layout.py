"""The topics of a log: made where they are missing, and seen to be as they must be where they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from aiokafka import AIOKafkaClient, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.metadata import MetadataRequest

from ensue_adapters.kafka.place import Place
from ensue_core.errors import ConfigError

RECORD_BYTES = 32 * 1024 * 1024
"""How large a record may be in topics that are made here: the end of an attempt with its result and its events."""

RECORD_BYTES_LEAST = 8 * 1024 * 1024
"""How large it must be allowed to be in topics that were there."""

REPLICAS = 3
MADE_SECONDS = 20.0
_NEEDED = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
}
_OURS = {"unclean.leader.election.enable": "false", "max.message.bytes": str(RECORD_BYTES)}


class Wanted(msgspec.Struct, frozen=True):
    """A topic as it must be. `fixed`: another number of partitions will not do."""

    name: str
    partitions: int
    fixed: bool = False


class Found(msgspec.Struct, frozen=True):
    """A topic as it is."""

    partitions: int
    replicas: int


class Layout:
    """Looks at topics and makes them. For one visit."""

    def __init__(self, place: Place, replication: int | None, timeout_ms: int) -> None:
        self._place, self._replication, self._timeout_ms = place, replication, timeout_ms

    async def see_to(self, wanted: Sequence[Wanted]) -> tuple[str, Mapping[str, int]]:
        """Make what is missing and check what is there; return the cluster's id and each topic's partitions.

        Raises `ConfigError` that says what to change, and the client's errors.
        """
        arguments = self._place.client()
        client = AIOKafkaClient(request_timeout_ms=self._timeout_ms, **arguments)
        admin = AIOKafkaAdminClient(request_timeout_ms=self._timeout_ms, **arguments)
        try:
            await client.bootstrap()
            names = [each.name for each in wanted]
            cluster, brokers, found = await _look(client, names)
            missing = [each for each in wanted if each.name not in found]
            await admin.start()
            if missing:
                await self._make(admin, missing, brokers)
                found = await _appear(client, names)
            await self._check(admin, wanted, found)
        finally:
            await admin.close()
            await client.close()
        return cluster, {name: each.partitions for name, each in found.items()}

    async def _make(self, admin: AIOKafkaAdminClient, missing: Sequence[Wanted], brokers: int) -> None:
        replicas = self._replication or min(REPLICAS, brokers)
        settings = {**_NEEDED, **_OURS, "min.insync.replicas": "2" if replicas > 2 else "1"}
        topics = [NewTopic(each.name, each.partitions, replicas, topic_configs=settings) for each in missing]
        answer = await admin.create_topics(topics)
        for name, code, *rest in answer.topic_errors:
            error = errors.for_code(code)
            if error in (errors.NoError, errors.TopicAlreadyExistsError):
                continue
            if error is errors.InvalidReplicationFactorError:
                raise ConfigError(
                    f"{self._place.shown} has not enough brokers for {replicas} copies of topic {name!r}: start more, "
                    "or write replication=1 for a log that a broken disk may take away"
                )
            raise error(f"topic {name!r}: {rest[0] if rest else ''}")

    async def _check(self, admin: AIOKafkaAdminClient, wanted: Sequence[Wanted], found: Mapping[str, Found]) -> None:
        """Raise `ConfigError` with everything that must be changed, and the commands that change it."""
        settings = await _known_settings(admin, [each.name for each in wanted])
        wrong: list[str] = []
        for each in wanted:
            if each.fixed and found[each.name].partitions != each.partitions:
                wrong.append(
                    f"topic {each.name} has {found[each.name].partitions} partitions and must have {each.partitions}: "
                    "delete it if it is empty, or choose another name in the URL"
                )
            changes = _changes(settings[each.name])
            if changes:
                said = ", ".join(f"{name} is {settings[each.name].get(name, 'not set')}" for name in changes)
                add = ",".join(f"{name}={value}" for name, value in changes.items())
                wrong.append(
                    f"topic {each.name}: {said}; change it with kafka-configs.sh --alter --bootstrap-server "
                    f"{self._place.brokers[0]} --entity-type topics --entity-name {each.name} --add-config {add}"
                )
        if wrong:
            raise ConfigError(f"topics on {self._place.shown} cannot hold a log as they are. " + ". ".join(wrong))


def _changes(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what a topic's settings must be changed to."""
    changes = {name: value for name, value in _NEEDED.items() if settings.get(name) != value}
    if int(settings.get("max.message.bytes", "0")) < RECORD_BYTES_LEAST:
        changes["max.message.bytes"] = str(RECORD_BYTES)
    return changes


async def _known_settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what topics that are there are set to, whichever broker is asked, and as soon as it knows them."""
    async with asyncio.timeout(MADE_SECONDS):
        while True:
            try:
                return await _settings(admin, names)
            except errors.UnknownTopicOrPartitionError:
                await asyncio.sleep(0.05)


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    found: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            error = errors.for_code(code)
            if error is not errors.NoError:
                raise error(message or name)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _look(client: AIOKafkaClient, names: Sequence[str]) -> tuple[str, int, dict[str, Found]]:
    """Return the cluster's id, how many brokers it has, and those of the topics that are there."""
    node = client.get_random_node()
    if node is None:
        raise errors.KafkaConnectionError("no broker is known")
    answer = await client.send(node, MetadataRequest(list(names), allow_auto_topic_creation=False))
    found: dict[str, Found] = {}
    for code, name, _, partitions in answer.topics:
        error = errors.for_code(code)
        if error is errors.NoError:
            found[name] = Found(len(partitions), min((len(each[3]) for each in partitions), default=0))
        elif error not in (errors.UnknownTopicOrPartitionError, errors.LeaderNotAvailableError):
            raise error(name)
    return answer.cluster_id, len(answer.brokers), found


async def _appear(client: AIOKafkaClient, names: Sequence[str]) -> dict[str, Found]:
    """Wait until every broker that we may ask knows the topics that were just made."""
    async with asyncio.timeout(MADE_SECONDS):
        while True:
            _, _, found = await _look(client, names)
            if len(found) == len(names):
                return found
            await asyncio.sleep(0.02)

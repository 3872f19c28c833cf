"""The brokers under attack: each is killed or paused, alone, under load, the leader of the spine more than others."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from aiokafka import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest

from tests.servers.brokers import Broker, Cluster

PAUSE_SECONDS = (0.5, 2.0, 5.0)


class Brokers:
    """Three brokers that a deployment's log lies at; each harm returns when all of them run again."""

    def __init__(
        self, brokers: Cluster, draw: random.Random, counts: Counter[str], spine: str = "sim.sim.steps"
    ) -> None:
        self._cluster, self._draw, self._counts, self._spine = brokers, draw, counts, spine

    def harm(self) -> None:
        """Do one of the things that happen to brokers."""
        victim = self._leader() if self._draw.random() < 0.5 else self._draw.choice(self._cluster.brokers)
        if self._draw.random() < 0.4:
            self._counts["broker paused"] += 1
            victim.pause()
            time.sleep(self._draw.choice(PAUSE_SECONDS))
            victim.resume()
            return
        self._counts["broker killed"] += 1
        victim.kill()
        time.sleep(self._draw.choice([0.0, 0.5, 3.0]))
        victim.start()

    def heal(self) -> None:
        """See that all run."""
        for each in self._cluster.brokers:
            each.resume()
            if not each.alive:
                each.start()

    def _leader(self) -> Broker:
        """Return the broker that leads a partition of the spine; any one where nobody says."""
        try:
            number = asyncio.run(_leader_of(self._cluster.address, self._spine))
        except Exception:
            return self._draw.choice(self._cluster.brokers)
        found = [each for each in self._cluster.brokers if each.number == number]
        self._counts["leader harmed"] += bool(found)
        return found[0] if found else self._draw.choice(self._cluster.brokers)


async def _leader_of(address: str, topic: str) -> int:
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=2_000)
    try:
        await client.bootstrap()
        node = client.get_random_node()
        assert node is not None
        answer = await client.send(node, MetadataRequest([topic], allow_auto_topic_creation=False))
        ((_, _, _, partitions),) = answer.topics
        return int(partitions[0][2])
    finally:
        await client.close()

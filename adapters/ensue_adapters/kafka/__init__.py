"""Topics of a Kafka cluster, through aiokafka."""

from __future__ import annotations

from ensue_adapters.kafka.topic import KafkaTopic, open_topic

__all__ = ["KafkaTopic", "open_topic"]

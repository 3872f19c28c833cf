"""Kafka, through aiokafka: topics of other programs on their way in, and a log that lies in topics of its own."""

from __future__ import annotations

from ensue_adapters.kafka.log import open_store
from ensue_adapters.kafka.topic import KafkaTopic, open_topic

__all__ = ["KafkaTopic", "open_store", "open_topic"]

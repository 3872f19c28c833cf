"""Kafka whose records carry the time of their sender's clock: a test that holds the clock holds log time too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ensue_adapters.broker.envelopes import decode
from ensue_adapters.broker.wire import Reading
from ensue_adapters.kafka.wire import KafkaWire
from ensue_projections.ordering import Arrived, Line


class StampedWire(KafkaWire):
    """Everything is real but the time at which a broker appended."""

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read."""
        return _Stamped(await super().reading(after))


class _Stamped:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def read(self) -> Sequence[Arrived]:
        """Return what has arrived, with its sender's time."""
        return [replace(each, time=decode(each, "").sent) for each in await self._reading.read()]

    async def close(self) -> None:
        """Let go."""
        await self._reading.close()

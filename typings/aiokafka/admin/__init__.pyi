from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any

from aiokafka.admin.config_resource import ConfigResource

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        *,
        topic_configs: Mapping[str, str] | None = ...,
    ) -> None: ...

class RecordsToDelete:
    def __init__(self, before_offset: int) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        client_id: str = ...,
        request_timeout_ms: int = ...,
        ssl_context: SSLContext | None = ...,
        security_protocol: str = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: list[NewTopic]) -> Any: ...
    async def describe_configs(self, config_resources: Sequence[ConfigResource]) -> Any: ...
    async def delete_topics(self, topics: list[str]) -> Any: ...
    async def create_partitions(self, topic_partitions: Mapping[str, Any]) -> Any: ...
    async def delete_records(self, records: Mapping[Any, Any]) -> Any: ...

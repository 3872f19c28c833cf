from typing import NamedTuple

class Node(NamedTuple):
    nodeId: int
    host: str
    port: int

class ClusterMetadata:
    def brokers(self) -> set[Node]: ...

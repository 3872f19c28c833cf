"""For authors of stores and of topics: the ports, and the words that go through them.

A store is named by the entry-point group `ensue.stores`; `ensue.testing.conformance` is its contract as tests. A topic
is named by the group `ensue.topics`.
"""

from ensue_core.clock import Clock
from ensue_core.facts import Fact, Through, decode_fact, encode_fact
from ensue_core.ids import Id
from ensue_core.ports import (
    Appended,
    Chain,
    Claimed,
    Committed,
    Cursor,
    Decisions,
    End,
    EventQuery,
    Head,
    Health,
    InvocationQuery,
    Leases,
    Log,
    OpenStore,
    Outrun,
    RunQuery,
    Step,
    Store,
    Superseded,
    Views,
    Work,
)
from ensue_core.records import Draft, Record, draft, place
from ensue_core.topics import (
    Batch,
    Clashing,
    Letter,
    Message,
    Offsets,
    OpenTopic,
    Overtaken,
    Span,
    Taken,
    Topic,
    ingested,
)
from ensue_projections.decisions import changes_of

__all__ = [
    "Appended",
    "Batch",
    "Chain",
    "Claimed",
    "Clashing",
    "Clock",
    "Committed",
    "Cursor",
    "Decisions",
    "Draft",
    "End",
    "EventQuery",
    "Fact",
    "Head",
    "Health",
    "Id",
    "InvocationQuery",
    "Leases",
    "Letter",
    "Log",
    "Message",
    "Offsets",
    "OpenStore",
    "OpenTopic",
    "Outrun",
    "Overtaken",
    "Record",
    "RunQuery",
    "Span",
    "Step",
    "Store",
    "Superseded",
    "Taken",
    "Through",
    "Topic",
    "Views",
    "Work",
    "changes_of",
    "decode_fact",
    "draft",
    "encode_fact",
    "ingested",
    "place",
]

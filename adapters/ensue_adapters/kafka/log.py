"""`kafka://broker:9092/shop?views=sqlite:///views.db`: a log in Kafka, and where its views are.

| option | meaning |
|---|---|
| `views` | the URL of the store that holds the views: `sqlite:///...` on one host, `postgresql://...` on several |
| `events`, `attempts` | how many partitions these topics get where they are made here; 4 |
| `replication` | how many copies of each partition; 3 where there are so many brokers |

and what connects to the brokers, as for topics (place.py).
"""

from __future__ import annotations

import msgspec

from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.broker.views import FoldedViews
from ensue_adapters.kafka.names import check_prefix
from ensue_adapters.kafka.place import parse_url, redacted
from ensue_adapters.kafka.wire import KafkaWire
from ensue_core.clock import Clock
from ensue_core.errors import ConfigError
from ensue_core.ports import OpenStore, Store

PARTITIONS = 4
PARTITIONS_MAX = 1_000


def open_store(url: str, namespace: str, clock: Clock) -> Store:
    """Return the store that a URL names, not yet open; raises `ConfigError` for a bad URL."""
    shown = redacted(url)
    place, options = parse_url(url)
    check_prefix(place.name, shown)
    views = options.pop("views", None)
    if views is None:
        raise ConfigError(
            f"{shown!r} does not say where its views are: add ?views=sqlite:///views.db, or ?views=postgresql://... "
            "where several hosts take part"
        )
    events, attempts = (_number(options, name, PARTITIONS, shown) for name in ("events", "attempts"))
    replication = _number(options, "replication", 0, shown)
    if options:
        raise ConfigError(f"{shown!r}: unknown option {sorted(options)[0]!r} (docs: Kafka as the log)")
    place.client()  # certificates that cannot be read are found here
    wire = KafkaWire(place, namespace, events, attempts, replication or None)
    return BrokerStore(wire, _views(views, namespace, clock, shown), namespace, clock)


def _number(options: dict[str, str], name: str, otherwise: int, shown: str) -> int:
    text = options.pop(name, None)
    if text is None:
        return otherwise
    if not text.isdecimal() or not 0 < int(text) <= PARTITIONS_MAX:
        raise ConfigError(f"{shown!r}: {name}={text} is no number between 1 and {PARTITIONS_MAX}")
    return int(text)


def _views(url: str, namespace: str, clock: Clock, shown: str) -> FoldedViews:
    """Return the views that a URL names. What the power takes from them is folded again from the log."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from ensue_adapters.sqlite.folded import SQLiteFolded
        from ensue_adapters.sqlite.store import SQLiteStore
        from ensue_adapters.sqlite.url import parse_url as parse_sqlite

        place = msgspec.structs.replace(parse_sqlite(url), synchronous="normal")
        return SQLiteFolded(SQLiteStore(place, namespace, clock))
    if scheme in ("postgresql", "postgres"):
        from ensue_adapters.postgres.folded import PostgresFolded
        from ensue_adapters.postgres.place import parse_url as parse_postgres
        from ensue_adapters.postgres.store import PostgresStore

        return PostgresFolded(PostgresStore(parse_postgres(url), namespace, clock))
    raise ConfigError(
        f"{shown!r}: views={scheme}: cannot hold the views of a log: write sqlite:///file or postgresql://"
    )


_: OpenStore = open_store

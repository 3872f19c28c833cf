"""Fail-points: named moments at which a process kills itself with SIGKILL, at the n-th time it gets there.

No production code knows of them: `arm` wraps methods of the store and the engine in the
process that is to die.
"""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ensue.projector import Projector
from ensue.running import Running
from ensue.scheduler.asking import ThreadAsker
from ensue.scheduler.decide import Decider
from ensue.scheduler.scheduler import Scheduler
from ensue.worker.leases import Reaper
from ensue.worker.worker import Worker
from ensue_adapters.broker.decisions import BrokerDecisions
from ensue_adapters.broker.folder import Folder
from ensue_adapters.broker.leases import BrokerLeases
from ensue_adapters.broker.log import BrokerLog
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.broker.work import BrokerWork
from ensue_adapters.kafka.wire import KafkaWire
from ensue_adapters.postgres import PostgresStore
from ensue_adapters.postgres import folding as postgres_folding
from ensue_adapters.postgres import writer as postgres_writer
from ensue_adapters.postgres.decisions import PostgresDecisions
from ensue_adapters.postgres.leases import PostgresLeases
from ensue_adapters.postgres.log import PostgresLog
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.views import PostgresViews
from ensue_adapters.postgres.work import PostgresWork
from ensue_adapters.sqlite import folding as sqlite_folding
from ensue_adapters.sqlite import writer as sqlite_writer
from ensue_adapters.sqlite.checkpoints import Checkpoints
from ensue_adapters.sqlite.decisions import SQLiteDecisions
from ensue_adapters.sqlite.delivery import Delivery
from ensue_adapters.sqlite.folded import SQLiteFolded
from ensue_adapters.sqlite.leases import SQLiteLeases
from ensue_adapters.sqlite.log import SQLiteLog
from ensue_adapters.sqlite.store import SQLiteStore
from ensue_adapters.sqlite.transaction import Transaction as SQLTransaction
from ensue_adapters.sqlite.views import SQLiteViews
from ensue_adapters.sqlite.work import SQLiteWork

Kind = Literal["sqlite", "postgres", "kafka"]
Victim = Literal["client", "scheduler", "worker", "projectors"]


@dataclass(frozen=True)
class Point:
    """Where to die: `counts` says whether a call's result is one that matters."""

    victim: Victim
    owner: type[Any] | None = None
    method: str = ""
    when: Literal["before", "after"] = "before"
    count: int = 1
    counts: Callable[[Any], bool] | None = None
    asked_to_stop: bool = False
    """Whether it is only reached by a process that is asked to stop."""
    together: bool = False
    """Whether it is only reached where scheduler and worker share a process."""


class Parts(NamedTuple):
    """The classes of one kind of store."""

    log: type[Any]
    decisions: type[Any]
    work: type[Any]
    leases: type[Any]
    views: type[Any]
    store: type[Any]
    folding: type[Any]


def _points(parts: Parts) -> dict[str, Point]:
    """Return the fail-points that every kind of store has."""
    return {
        "append.before": Point("client", parts.log, "append", count=7),
        "append.after": Point("client", parts.log, "append", "after", 7),
        "step.before": Point("scheduler", parts.decisions, "commit", count=4),
        "step.after": Point("scheduler", parts.decisions, "commit", "after", 4),
        "declare.before": Point("scheduler", Scheduler, "declare"),
        "declare.after": Point("scheduler", Scheduler, "declare", "after"),
        "chain.loaded": Point("scheduler", parts.decisions, "load", "after"),
        "log.read": Point("scheduler", parts.log, "read", "after", 3, counts=bool),
        "ask.before": Point("scheduler", ThreadAsker, "ask", count=2),
        "ask.after": Point("scheduler", ThreadAsker, "ask", "after", 2),
        "tick": Point("scheduler", Decider, "_tick", "after"),
        "step.started": Point("scheduler", Worker, "begin", "before", 2, together=True),
        "lease.hold.before": Point("scheduler", parts.leases, "hold", count=3),
        "lease.hold.after": Point("scheduler", parts.leases, "hold", "after", 3),
        "lease.release": Point("scheduler", parts.leases, "release", "before", asked_to_stop=True),
        "claim.before": Point("worker", parts.work, "claim", count=2),
        "claim.after": Point("worker", parts.work, "claim", "after", 2, counts=bool),
        "begin.after": Point("worker", Worker, "begin", "after", 2),
        "body.begins": Point("worker", count=3),
        "body.returns": Point("worker", count=3),
        "finish.before": Point("worker", parts.work, "finish", count=3),
        "finish.after": Point("worker", parts.work, "finish", "after", 3),
        "renew.before": Point("worker", parts.work, "renew"),
        "renew.after": Point("worker", parts.work, "renew", "after"),
        "reap.before": Point("worker", Reaper, "reap"),
        "drain.before": Point("worker", Worker, "drain", asked_to_stop=True),
        "drain.after": Point("worker", Worker, "drain", "after", asked_to_stop=True),
        "stop.before": Point("worker", Running, "stop", asked_to_stop=True),
        "store.close.before": Point("worker", parts.store, "close", asked_to_stop=True),
        "store.close.after": Point("worker", parts.store, "close", "after", asked_to_stop=True),
        "project.before": Point("projectors", parts.views, "project", count=2),
        "project.after": Point("projectors", parts.views, "project", "after", 2),
        "page.after": Point("projectors", Projector, "page", "after", 2),
        "fold.before": Point("worker", parts.folding, "fold", count=5),
        "fold.after": Point("worker", parts.folding, "fold", "after", 5),
    }


POINTS: dict[Kind, dict[str, Point]] = {
    "sqlite": {
        **_points(
            Parts(
                SQLiteLog, SQLiteDecisions, SQLiteWork, SQLiteLeases, SQLiteViews, SQLiteStore, sqlite_folding.Folding
            )
        ),
        "sql.commit.before": Point("worker", sqlite_writer.Writer, "_end", count=6),
        "sql.commit.after": Point("worker", sqlite_writer.Writer, "_end", "after", 6),
        "sql.told": Point("worker", Delivery, "send", count=8),
        "sql.checkpoint.before": Point("worker", Checkpoints, "run", asked_to_stop=True),
        "sql.checkpoint.after": Point("worker", Checkpoints, "run", "after", asked_to_stop=True),
        "client.commit.before": Point("client", sqlite_writer.Writer, "_end", count=5),
        "client.commit.after": Point("client", sqlite_writer.Writer, "_end", "after", 5),
    },
    "postgres": {
        **_points(
            Parts(
                PostgresLog, PostgresDecisions, PostgresWork, PostgresLeases, PostgresViews, PostgresStore,
                postgres_folding.Folding,
            )
        ),
        "trip.before": Point("worker", postgres_writer.Writer, "call", count=6),
        "trip.after": Point("worker", postgres_writer.Writer, "call", "after", 6),
        "step.trip.before": Point("scheduler", postgres_writer.Writer, "call", count=4),
        "step.trip.after": Point("scheduler", postgres_writer.Writer, "call", "after", 4),
        "sql.entered": Point("scheduler", Transaction, "enter", "after", 3),
        "sql.inserted": Point("scheduler", Transaction, "_insert", "after", 3),
        "sql.commit.before": Point("worker", postgres_writer.Writer, "_commit", count=6),
        "sql.commit.after": Point("worker", postgres_writer.Writer, "_commit", "after", 6),
        "sql.told": Point("worker", postgres_writer.Writer, "told", count=8),
        "step.entered": Point("scheduler", Transaction, "entered", "after", 4),
        "drain.taken": Point("scheduler", Transaction, "append", "after", 4),
        "client.trip.before": Point("client", postgres_writer.Writer, "call", count=5),
        "client.trip.after": Point("client", postgres_writer.Writer, "call", "after", 5),
        "client.commit.before": Point("client", postgres_writer.Writer, "_commit", count=2),
        "client.commit.after": Point("client", postgres_writer.Writer, "_commit", "after", 2),
    },
    "kafka": {
        **_points(
            Parts(
                BrokerLog, BrokerDecisions, BrokerWork, BrokerLeases, SQLiteViews, BrokerStore, sqlite_folding.Folding
            )
        ),
        "send.before": Point("worker", KafkaWire, "send", count=9),
        "send.after": Point("worker", KafkaWire, "send", "after", 9),
        "mark.before": Point("worker", Folder, "_send_marks", count=3, together=True),
        "mark.after": Point("worker", Folder, "_send_marks", "after", 2, together=True),
        "folding.before": Point("worker", SQLiteFolded, "fold", count=6, together=True),
        "folding.judged": Point("worker", SQLTransaction, "stand", "after", 6, together=True),
        "folding.after": Point("worker", SQLiteFolded, "fold", "after", 6, together=True),
        "let.after": Point("worker", SQLiteFolded, "let", "after", 2, counts=bool),
        "client.send.before": Point("client", KafkaWire, "send", count=5),
        "client.send.after": Point("client", KafkaWire, "send", "after", 5),
    },
}  # fmt: skip
"""Every fail-point of each kind of store, by name, and the process that dies there."""

_left: dict[str, int] = {}


def reach(name: str) -> None:
    """Die here, if this is the point that is armed and it is the time."""
    if name in _left:
        _left[name] -= 1
        if _left[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(kind: Kind, name: str, count: int) -> None:
    """Let this process die at a point, at the `count`-th time."""
    point = POINTS[kind][name]
    _left[name] = count
    if point.owner is None:
        return  # reached by name
    original = getattr(point.owner, point.method)
    wrapped = (
        _wrap_async(name, point, original) if inspect.iscoroutinefunction(original) else _wrap(name, point, original)
    )
    setattr(point.owner, point.method, wrapped)


def _wrap_async(name: str, point: Point, original: Any) -> Any:
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before":
            reach(name)
        result = await original(*args, **kwargs)
        if point.when == "after" and (point.counts is None or point.counts(result)):
            reach(name)
        return result

    return wrapped


def _wrap(name: str, point: Point, original: Any) -> Any:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before":
            reach(name)
        result = original(*args, **kwargs)
        if point.when == "after":
            reach(name)
        return result

    return wrapped

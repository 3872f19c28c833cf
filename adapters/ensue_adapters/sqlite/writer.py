"""The one thread of a process that writes: all jobs that wait become one transaction (group commit)."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ensue_adapters.sqlite.checkpoints import Checkpoints
from ensue_adapters.sqlite.connection import connect_writer
from ensue_adapters.sqlite.delivery import Delivery, Outcome
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.schema import prepare
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.trouble import translate
from ensue_adapters.sqlite.turn import Turn
from ensue_adapters.sqlite.url import Place
from ensue_core.clock import Clock
from ensue_core.errors import CommitUnknown, EnsueError, StoreUnavailable
from ensue_core.records import Record

T = TypeVar("T")

JOBS_MAX = 256
"""Jobs a transaction: bounds how long the first of them waits for the last."""

_Job = tuple[Callable[[Transaction], Any], "asyncio.Future[Any]"]


class Writer:
    """Runs functions of a transaction, in order, on a thread of its own.

    A job is done when its future resolves: durable, or failed with nothing of it stored. Cancelling a caller
    stops a job that has not begun, and never one that has.
    """

    def __init__(
        self,
        place: Place,
        namespace: str,
        clock: Clock,
        delivery: Delivery,
        committed: Callable[[Sequence[Record], int], None],
        hint: Callable[[], None],
    ) -> None:
        self._place = place
        self._namespace = namespace
        self.clock = clock
        self._delivery = delivery
        self._committed = committed
        self._hint = hint
        self._turn = Turn(place.path, place.busy_seconds)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._checkpoints = Checkpoints(place.busy_seconds)
        self.opened = delivery.future()
        self._ended = delivery.future()
        self._thread = threading.Thread(target=self._work, name="ensue-writer", daemon=True)
        self._thread.start()

    async def run(self, write: Callable[[Transaction], T]) -> T:
        """Run a function in a transaction and return what it returns, once that is durable."""
        if self._closed:
            raise self._gone()
        future = self._delivery.future()
        self._queue.put((write, future))
        result: T = await future
        return result

    async def close(self) -> None:
        """Finish what was asked, checkpoint, and end the thread."""
        self._closed = True
        self._queue.put(None)
        await asyncio.shield(self._ended)
        if self.opened.done() and not self.opened.cancelled():
            self.opened.exception()  # whoever opened may have been cancelled before it could look

    # On the thread.

    def _work(self) -> None:
        try:
            connection, places = self._open()
        except BaseException as error:
            self._turn.close()
            self._delivery.send([(self.opened, None, self._translated(error)), (self._ended, None, None)])
            return
        try:
            self._delivery.send([(self.opened, places, None)])
            self._serve(connection, places)
        finally:
            self._closed = True
            self._close(connection)
            self._refuse_rest()
            self._delivery.send([(self._ended, None, None)])

    def _open(self) -> tuple[sqlite3.Connection, Places]:
        self._turn.open()
        with self._turn:
            connection = connect_writer(self._place)
            try:
                return connection, Places(prepare(connection, self._place.path, self._namespace))
            except BaseException:
                connection.close()
                raise

    def _close(self, connection: sqlite3.Connection) -> None:
        """Checkpoint and close in turn: the last connection's close writes to the file."""
        try:
            with self._turn:
                self._checkpoints.run(connection)
                connection.close()
        except (sqlite3.Error, EnsueError):
            connection.close()
        self._turn.close()

    def _refuse_rest(self) -> None:
        """Nobody waits for ever, not even where this thread ends by a mistake of its own."""
        with suppress(queue.Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    self._refuse([job])

    def _refuse(self, jobs: Sequence[_Job]) -> None:
        self._delivery.send([(future, None, self._gone()) for _, future in jobs])

    def _gone(self) -> StoreUnavailable:
        return StoreUnavailable(f"{self._place.path} is closed: open the engine before you use it")

    def _serve(self, connection: sqlite3.Connection, places: Places) -> None:
        last = False
        while not last:
            try:
                first = self._queue.get(timeout=self._checkpoints.patience)
            except queue.Empty:
                self._checkpoint(connection)
                continue
            jobs: list[_Job] = []
            waiting = first
            while waiting is not None:
                if not waiting[1].cancelled():
                    jobs.append(waiting)
                if len(jobs) >= JOBS_MAX:
                    break
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
            last = waiting is None
            try:
                if jobs:
                    self._commit(connection, places, jobs)
            except BaseException:
                self._refuse(jobs)
                raise

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        try:
            with self._turn:
                self._checkpoints.run(connection)
        except (sqlite3.Error, EnsueError):
            pass  # the next one finds the same pages, and a write tells what is wrong

    def _commit(self, connection: sqlite3.Connection, places: Places, jobs: Sequence[_Job]) -> None:
        """Run jobs as one transaction and resolve their futures."""
        tx = Transaction(connection, places, self.clock)
        outcomes: list[Outcome] = []
        try:
            with self._turn:
                connection.execute("BEGIN IMMEDIATE")
                self._run_all(tx, jobs, outcomes)
                self._end(connection)
        except BaseException as error:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            trouble = self._translated(error)
            self._delivery.send([(future, None, trouble) for _, future in jobs])
            return
        records = tx.records
        self._delivery.send(outcomes, lambda: self._committed(records, tx.size))
        if records or tx.tells:
            self._hint()
        self._checkpoints.wrote(connection)
        if self._checkpoints.due:
            self._checkpoint(connection)

    def _run_all(self, tx: Transaction, jobs: Sequence[_Job], outcomes: list[Outcome]) -> None:
        """Run each job; where there are several, one that fails leaves nothing and hurts no neighbour."""
        if len(jobs) == 1:
            write, future = jobs[0]
            outcomes.append((future, write(tx), None))
            return
        connection = tx.connection
        for write, future in jobs:
            mark = tx.mark()
            connection.execute("SAVEPOINT job")
            try:
                outcomes.append((future, write(tx), None))
            except Exception as error:
                if not connection.in_transaction:
                    raise  # SQLite gave the whole transaction up
                connection.execute("ROLLBACK TO job")
                tx.back(mark)
                outcomes.append((future, None, self._translated(error)))
            connection.execute("RELEASE job")

    def _end(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR:
                raise CommitUnknown(
                    f"{self._place.path}: the commit failed while it was written ({error}): check the disk, "
                    "then look up what was stored"
                ) from error
            raise

    def _translated(self, error: BaseException) -> BaseException:
        if isinstance(error, (sqlite3.Error, OSError)):
            trouble = translate(error, self._place.path)
            trouble.__cause__ = error
            return trouble
        return error

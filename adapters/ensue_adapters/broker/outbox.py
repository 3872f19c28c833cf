"""Requests on their way: packed into envelopes, sent until they are known to stand, answered once they are folded.

One record carries whatever waited while the one before it was sent. After any error the same envelope goes out again:
the registers make a second copy void, so sending twice costs time and never truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from ensue_adapters.broker.envelopes import encode, size_of
from ensue_adapters.broker.wire import InDoubt, Sent, Unsent, Wire
from ensue_core.clock import Clock
from ensue_core.errors import CommitUnknown, StoreError, StoreUnavailable
from ensue_core.ids import Id, new_id
from ensue_projections.ordering import Envelope, Line
from ensue_projections.requests import Request, Verdict

BYTES_MAX = 900_000
"""How full an envelope gets; one request may be larger."""

REQUESTS_MAX = 2_000
VALUES_MAX = 64
"""How many of the last records are known as they were before they became bytes."""

DRAIN_SECONDS = 5.0
_PAUSES = (0.02, 0.1, 0.25, 0.5, 1.0)

_log = logging.getLogger("ensue.kafka")


class _Waiting:
    """Requests that belong together, what they take, and who waits for their verdicts."""

    __slots__ = ("answer", "requests", "size")

    def __init__(self, requests: tuple[Request, ...], size: int, answer: asyncio.Future[Sequence[Verdict]]) -> None:
        self.requests, self.size, self.answer = requests, size, answer


class Outbox:
    """Sends one process's requests. It belongs to one event loop."""

    def __init__(self, wire: Wire, clock: Clock, patience_seconds: float) -> None:
        self._wire = wire
        self._clock = clock
        self._patience = patience_seconds
        self._waiting: dict[Line, deque[_Waiting]] = {}
        self._senders: dict[Line, asyncio.Task[None]] = {}
        self._sent: dict[Id, list[_Waiting]] = {}
        self._values: dict[bytes, Envelope] = {}
        self._acked: dict[Id, tuple[Line, int]] = {}
        self._closed = False
        self._settled = asyncio.Event()
        self.wanted = asyncio.Event()

    async def ask(self, line: Line, request: Request) -> Verdict:
        """Send a request and return its verdict. Where the caller is cancelled, it goes its way all the same.

        Raises `StoreUnavailable` where it was not sent, `CommitUnknown` where that is not known or nobody folded it
        in time.
        """
        (verdict,) = await self._put(line, (request,), size_of(request))
        return verdict

    async def ask_all(self, line: Line, requests: Sequence[Request]) -> list[Verdict]:
        """Send requests in order, and return a verdict for each; where one is not known, all the same errors."""
        groups = list(_grouped(requests))
        if len(groups) == 1:
            return list(await self._put(line, *groups[0]))
        found = await asyncio.gather(*(self._put(line, *each) for each in groups), return_exceptions=True)
        verdicts: list[Verdict] = []
        for each in found:
            if isinstance(each, BaseException):
                raise each
            verdicts += each
        return verdicts

    async def touch(self, line: Line) -> None:
        """Append an empty envelope to a line, and return when it is folded."""
        await self._put(line, (), 0)

    def undecided(self) -> Mapping[Id, tuple[Line, int]]:
        """Return the envelopes that were not folded yet, as far as is known, and where they stand in their lines."""
        return dict(self._acked)

    def is_mine(self, envelope: Id) -> bool:
        """Whether an envelope was sent from here and somebody waits for what becomes of it."""
        return envelope in self._sent

    def known(self, value: bytes) -> Envelope | None:
        """Return the envelope of a record that was sent from here, as it was before it became bytes."""
        return self._values.get(value)

    def told(self, envelope: Id, verdicts: Sequence[Verdict]) -> None:
        """Take what became of an envelope; a second time changes nothing."""
        self._acked.pop(envelope, None)
        waiting = self._sent.pop(envelope, None)
        self._settled.set()
        if waiting is None:
            return
        first = 0
        for each in waiting:
            past = first + len(each.requests)
            if not each.answer.done():
                each.answer.set_result(verdicts[first:past])
            first = past

    def forgotten(self, envelope: Id) -> None:
        """An envelope was folded, and nobody knows any more what became of it."""
        self._acked.pop(envelope, None)
        waiting = self._sent.pop(envelope, None)
        self._settled.set()
        if waiting is not None:
            self._fail(waiting, CommitUnknown(f"{self._wire.name} took this, and the answer was lost: look it up"))

    async def drain(self) -> None:
        """Wait a while until everything that was asked is answered, whether or not anybody still waits for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._senders or self._sent:
                    self._settled.clear()
                    await self._settled.wait()

    async def close(self) -> None:
        """Send nothing more. Whoever still waits does not know what became of it."""
        self._closed = True
        senders = list(self._senders.values())
        for each in senders:
            each.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        for line in self._waiting:
            self._fail(self._waiting[line], StoreUnavailable(f"{self._wire.name} is closed: open the engine first"))
        for waiting in self._sent.values():
            self._fail(waiting, CommitUnknown(f"{self._wire.name} was closed before it was known what became of this"))
        self._waiting, self._sent = {}, {}
        self._acked.clear()

    async def _put(self, line: Line, requests: tuple[Request, ...], size: int) -> Sequence[Verdict]:
        if self._closed:
            raise StoreUnavailable(f"{self._wire.name} is closed: open the engine before you use it")
        answer: asyncio.Future[Sequence[Verdict]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(line, deque()).append(_Waiting(requests, size, answer))
        if line not in self._senders:
            sender = self._senders[line] = asyncio.create_task(self._send_all(line), name="ensue-kafka-outbox")
            sender.add_done_callback(_report)
        try:
            # Past the time in which a broker may come back, an answer is no use any more.
            async with asyncio.timeout(2 * self._patience):
                return await answer
        except TimeoutError:
            raise CommitUnknown(
                f"{self._wire.name} took this, but nobody folded it in {2 * self._patience:g} s: "
                "look up what was stored"
            ) from None

    async def _send_all(self, line: Line) -> None:
        waiting = self._waiting[line]
        try:
            await asyncio.sleep(0)  # whoever asks in the same turn of the loop comes along
            while waiting:
                batch = _take(waiting)
                batch = [each for each in batch if not each.answer.cancelled() or each.requests]
                if batch:
                    await self._send(line, batch)
        finally:
            # At once: what is asked after the last look finds no sender, and gets another one.
            del self._senders[line]
            self._settled.set()

    async def _send(self, line: Line, batch: list[_Waiting]) -> None:
        requests = tuple([request for each in batch for request in each.requests])
        envelope = Envelope(new_id(), self._clock.now(), requests)
        self._sent[envelope.id] = batch
        value = encode(envelope)
        if len(self._values) >= VALUES_MAX:
            self._values.pop(next(iter(self._values)))
        self._values[value] = envelope
        try:
            sent = await self._send_until_known(line, value)
        except StoreError as error:
            if self._sent.pop(envelope.id, None) is not None:
                if len(batch) > 1 and not isinstance(error, (CommitUnknown, StoreUnavailable)):
                    for each in batch:  # one of them is refused for good: it shall not take the others along
                        await self._send(line, [each])
                else:
                    self._fail(batch, error)
            return
        if envelope.id in self._sent:
            self._acked[envelope.id] = line, sent.offset
            self.wanted.set()

    async def _send_until_known(self, line: Line, value: bytes) -> Sent:
        """Send the same bytes until they are known to stand."""
        doubt = False
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        tries = 0
        while True:
            try:
                return await self._wire.send(line, value)
            except (InDoubt, Unsent) as error:
                doubt = doubt or isinstance(error, InDoubt)
                if loop.time() >= until:
                    if doubt:
                        raise CommitUnknown(
                            f"{self._wire.name} did not say whether it took this ({error}): look up what was stored"
                        ) from error
                    raise StoreUnavailable(f"{error}; nothing was stored") from error
            await asyncio.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1

    @staticmethod
    def _fail(waiting: Sequence[_Waiting] | deque[_Waiting], error: StoreError) -> None:
        for each in waiting:
            if not each.answer.done():
                each.answer.set_exception(error)
                with contextlib.suppress(BaseException):
                    each.answer.exception()  # seen, should nobody wait any more


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("requests on their way are lost: %s", error, exc_info=error)


def _take(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Take as many as fit into one envelope, at least one."""
    batch = [waiting.popleft()]
    size, count = batch[0].size, len(batch[0].requests)
    while waiting and count < REQUESTS_MAX and size + waiting[0].size <= BYTES_MAX:
        size, count = size + waiting[0].size, count + len(waiting[0].requests)
        batch.append(waiting.popleft())
    return batch


def _grouped(requests: Sequence[Request]) -> Iterator[tuple[tuple[Request, ...], int]]:
    """Yield requests in groups that fit into one envelope, and how large each group is."""
    group: list[Request] = []
    size = 0
    for each in requests:
        more = size_of(each)
        if group and (size + more > BYTES_MAX or len(group) >= REQUESTS_MAX):
            yield tuple(group), size
            group, size = [], 0
        group.append(each)
        size += more
    if group:
        yield tuple(group), size

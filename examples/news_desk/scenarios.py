"""The six patterns as scenarios: what a client does, and exactly what must come of it.

A scenario names every call that must happen, with its arguments and its end. Whatever else happens is an
error. Which articles the documents hold is written down here by hand; only their texts are read from them.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from feeds import FEEDS, parse
from tasks import FeedUpdated, feed_updated, poll_target, polling_tasks, reactive_tasks, wait_result_tasks

from ensue import Engine, WaitTimeout

WAIT_SECONDS = 10
"""How long anything may take before a scenario has failed."""

ARTICLES: Mapping[str, Mapping[str, str]] = {
    "harbour-wire": {"wire-2026-4471": "regular", "wire-2026-4470": "regular"},
    "open-science": {
        "urn:notes:coral-clock": "regular",
        "urn:notes:physarum": "regular",
        "urn:notes:null-result": "regular",
    },
    "city-herald": {
        "herald-88213": "breaking_news",
        "herald-88207": "regular",
        "herald-88203": "breaking_news",
        "herald-88198": "regular",
        "herald-88190": "regular",
    },
    "parliament-watch": {
        "urn:parliament:bill-118": "regular",
        "urn:parliament:q-47": "regular",
        "urn:parliament:accounts-9": "regular",
    },
    "weekend-review": {f"review-{number}": "regular" for number in range(301, 294, -1)},
}
"""The articles of each feed, newest first, and their kinds."""

WITHOUT_TEXT = "urn:parliament:q-47"
"""The one article that cannot be enriched."""


@dataclass(frozen=True)
class Call:
    """One task that ran: its name, its arguments, and how it ended. Equal calls are equal values."""

    task: str
    arguments: str
    status: str = "SUCCESS"

    def __str__(self) -> str:
        return f"{self.task}({self.arguments[1:-1]}) {self.status}"


def call(task: str, arguments: Mapping[str, Any] | None = None, status: str = "SUCCESS") -> Call:
    """Write a call down."""
    return Call(task, json.dumps(dict(arguments or {}), sort_keys=True, ensure_ascii=False), status)


Calls = Counter[Call]


@dataclass(frozen=True)
class Fired:
    """What a client set going: the ids that its consequences hang from, and what must have run below each."""

    expected: Mapping[str, Calls]
    troubles: Sequence[str] = ()


@dataclass(frozen=True)
class Scenario:
    """One pattern: its name, what to look for, and what the client does; None where time does it."""

    title: str
    says: str
    fire: Callable[[Engine], Awaitable[Fired]] | None


def ingested(source: str, count: int) -> Calls:
    """Return every call that reading the first `count` articles of a feed must lead to."""
    calls = Calls([call("news.ingest_feed", {"source": source, "count": count})])
    found = list(ARTICLES[source].items())[:count]
    for article, kind in found:
        broken = article == WITHOUT_TEXT
        arguments = {"article_id": article, "kind": kind, "text": _texts(source)[article]}
        calls[call("news.enrich_article", arguments, "FAILED" if broken else "SUCCESS")] += 1
        if kind == "breaking_news" and not broken:
            calls[call("news.notify_subscribers", {"article_id": article})] += 1
        if broken:
            alert = {"article_id": article, "error": "the article has no text"}
            calls[call("news.alert_editorial", alert)] += 1
    if len(found) > 5:
        calls[call("news.generate_digest", {"source": source})] += 1
    return calls


@cache
def _texts(source: str) -> Mapping[str, str]:
    document = (FEEDS / f"{source}.xml").read_bytes()
    return {each.article_id: each.text for each in parse(document, f"{source}.xml")}


def updating(*updates: tuple[str, int]) -> Callable[[Engine], Awaitable[Fired]]:
    """Return a client that says that feeds were updated, and waits until all that this causes has ended."""

    async def fire(engine: Engine) -> Fired:
        emitted = await engine.emit_many(feed_updated, [FeedUpdated(*update) for update in updates])
        troubles: list[str] = []
        for event in emitted:
            try:
                await event.settled(timeout=WAIT_SECONDS)
            except WaitTimeout as error:
                troubles.append(str(error))
        return Fired({event.id: ingested(*update) for event, update in zip(emitted, updates, strict=True)}, troubles)

    return fire


async def observe(engine: Engine) -> Fired:
    """Start something to watch, and two tasks that watch it; the third reacts by itself."""
    target = await poll_target.submit()
    polling = await polling_tasks.submit(target)
    waiting = await wait_result_tasks.submit(target)
    troubles: list[str] = []
    for handle, expected_result in ((target, "done"), (polling, "observed"), (waiting, "done")):
        try:
            result = await handle.result(timeout=WAIT_SECONDS)
        except WaitTimeout as error:
            troubles.append(str(error))
        else:
            if result != expected_result:
                troubles.append(f"{handle} returned {result!r}, not {expected_result!r}")
    await reaction_to(engine, target.id, troubles)
    expected = {
        target.id: Calls([call("news.poll_target"), call("news.reactive_tasks")]),
        polling.id: Calls([call("news.polling_tasks", {"target": target.id})]),
        waiting.id: Calls([call("news.wait_result_tasks", {"target": target.id})]),
    }
    return Fired(expected, troubles)


async def reaction_to(engine: Engine, target: str, troubles: list[str]) -> None:
    """Wait until reactive_tasks has ended; nobody holds a handle of what a trigger starts."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            ended = engine.invocations.list
            while not (await ended(task=reactive_tasks, root=target, status="SUCCESS")).items:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        troubles.append(f"reactive_tasks has not ended {WAIT_SECONDS} s after its cause")


SCENARIOS = (
    Scenario(
        "Polling or reacting",
        "two tasks wait for another in a loop and on its result; the third is started by its success",
        observe,
    ),
    Scenario(
        "Schedules",
        "a slot of a schedule starts ingest_feed with arguments of its own, another archive_old_content",
        None,
    ),
    Scenario(
        "Publish and subscribe",
        "one event starts ingest_feed; the events that it emits start enrich_article, once each",
        updating(("open-science", 3)),
    ),
    Scenario(
        "A pipeline with a filter",
        "notify_subscribers follows enrich_article, but only its calls with kind=breaking_news",
        updating(("city-herald", 5)),
    ),
    Scenario(
        "Compensation",
        "alert_editorial runs for the one article that enrich_article failed on",
        updating(("parliament-watch", 3)),
    ),
    Scenario(
        "Two conditions together",
        "generate_digest waits for a success of ingest_feed and for a result with count > 5: not for five",
        updating(("weekend-review", 7), ("weekend-review", 5)),
    ),
)

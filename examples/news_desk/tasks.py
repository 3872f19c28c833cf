"""The news desk: ten tasks, and beside each what it reacts to. Nobody calls one after the other.

The two schedules can be set from the environment, so that the demo sees them fire within seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec
from feeds import Article, FeedReader, serve_feeds

from ensue import (
    Arguments,
    Event,
    ExceptionContext,
    Handle,
    Status,
    Tasks,
    current,
    gt,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
)

INGEST_SCHEDULE = os.environ.get("NEWS_DESK_INGEST_SCHEDULE", "*/15 * * * *")
ARCHIVE_SCHEDULE = os.environ.get("NEWS_DESK_ARCHIVE_SCHEDULE", "0 3 * * *")

DIGEST_THRESHOLD = 5
TARGET_RUN_SECONDS = 0.2
POLL_INTERVAL_SECONDS = 0.3


class FeedUpdated(msgspec.Struct, frozen=True):
    """A feed has something new: read its first `count` articles."""

    source: str
    count: int


class Ingested(msgspec.Struct, frozen=True):
    """How many articles were found in a feed."""

    source: str
    count: int


class Enriched(msgspec.Struct, frozen=True):
    """What enrichment adds to an article."""

    article_id: str
    words: int
    reading_minutes: int


class EnrichmentError(Exception):
    """An article has no text to work on."""


tasks = Tasks("news")
feed_updated = Event("feed_updated", FeedUpdated)
article_found = Event("article_found", Article)


@tasks.resource
async def reader() -> AsyncIterator[FeedReader]:
    """The feed reader of this process; where no base URL is set, it serves the example's own feeds."""
    base = os.environ.get("NEWS_DESK_FEEDS")
    if base:
        yield FeedReader(base)
    else:
        with serve_feeds() as own:
            yield FeedReader(own)


# 2 and 3. A schedule and an event start the same task, each with its own arguments.


@tasks.task(
    triggers=[
        on_cron(INGEST_SCHEDULE).with_args_static({"source": "harbour-wire", "count": 1}).named("on_schedule"),
        on_event(feed_updated).with_args_from_event("source", "count").named("on_update"),
    ],
    max_retries=2,
    retry_for=OSError,
)
async def ingest_feed(source: str, count: int) -> Ingested:
    """Read a feed and emit an event for each article; the events come with this task's success."""
    articles = await reader().read(source, count)
    for article in articles:
        current().emit(article_found, article)
    return Ingested(source, len(articles))


@tasks.task(triggers=on_event(article_found).with_args_from_event("article_id", "kind", "text"))
async def enrich_article(article_id: str, kind: str, text: str) -> Enriched:
    """Count an article's words; one without text is an error."""
    if not text:
        raise EnrichmentError("the article has no text")
    words = len(text.split())
    return Enriched(article_id, words, reading_minutes=max(1, round(words / 200)))


# 4. A pipeline step for some of the calls only: the filter looks at the watched call's arguments.


@tasks.task(
    triggers=on_status(enrich_article, Status.SUCCESS, call_arguments={"kind": "breaking_news"}).with_args_from_status(
        "article_id"
    )
)
async def notify_subscribers(article_id: str) -> str:
    """Tell those who want to know at once."""
    return f"told subscribers about {article_id}"


# 5. Compensation: the reactive leg of a saga stands beside the task that compensates.


def alert_arguments(failed: ExceptionContext) -> Arguments:
    """Arguments of the alert; checked against its signature by type checkers too."""
    return alert_editorial.args(failed.arguments["article_id"], error=failed.exception_message)


@tasks.task(triggers=on_exception(enrich_article, EnrichmentError).with_args_from_exception(alert_arguments))
async def alert_editorial(article_id: str, error: str) -> str:
    """Ask a person to look."""
    return f"please look at {article_id}: {error}"


# 6. Two conditions of different kinds, both about one run of ingest_feed.


@tasks.task(
    triggers=(
        on_status(ingest_feed, Status.SUCCESS) & on_result(ingest_feed, {"count": gt(DIGEST_THRESHOLD)})
    ).with_args_from_status("source")
)
async def generate_digest(source: str) -> str:
    """Sum up a feed that brought more than a few articles."""
    return f"digest of {source}"


@tasks.task(triggers=on_cron(ARCHIVE_SCHEDULE).named("on_schedule"))
async def archive_old_content() -> str:
    """Put what is old out of the way."""
    return "archived"


# 1. Three ways to learn that a task has ended. Only the last takes no slot of a worker while it waits.


@tasks.task
async def poll_target() -> str:
    """Something short to watch."""
    await asyncio.sleep(TARGET_RUN_SECONDS)
    return "done"


@tasks.task
async def polling_tasks(target: Handle[str]) -> str:
    """Ask for the status again and again."""
    while await target.status() != Status.SUCCESS:  # noqa: ASYNC110 (what the pattern is about)
        await asyncio.sleep(POLL_INTERVAL_SECONDS)
    return "observed"


@tasks.task
async def wait_result_tasks(target: Handle[str]) -> str:
    """Wait for the result."""
    return await target.result()


@tasks.task(triggers=on_status(poll_target, Status.SUCCESS))
async def reactive_tasks() -> str:
    """Run when the target has succeeded."""
    return "reacted"

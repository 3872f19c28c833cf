"""The news desk: six patterns, ten tasks."""

import asyncio

import msgspec

from ensue import (
    Arguments,
    Event,
    ExceptionContext,
    Handle,
    Tasks,
    current,
    gt,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
)


class Feed(msgspec.Struct, frozen=True):
    source: str
    count: int


class Article(msgspec.Struct, frozen=True):
    article_id: str
    kind: str


class EnrichmentError(Exception): ...


tasks = Tasks("news")
feed_updated = Event("feed_updated", Feed)
article_found = Event("article_found", Article)


@tasks.task(
    triggers=[
        on_cron("*/15 * * * *").with_args_static({"source": "cron", "count": 3}),
        on_event(feed_updated).with_args_from_event("source", "count"),
    ]
)
async def ingest_feed(source: str, count: int) -> dict[str, int]:
    for n in range(count):
        kind = "regular" if n else "breaking_news"
        current().emit(article_found, Article(f"{source}-{n}", kind))
    return {"count": count}


@tasks.task(triggers=on_event(article_found).with_args_from_event("article_id", "kind"))
async def enrich_article(article_id: str, kind: str) -> str:
    if kind == "broken":
        raise EnrichmentError(article_id)
    return article_id


@tasks.task(
    triggers=on_status(enrich_article, call_arguments={"kind": "breaking_news"}).with_args_from_status("article_id")
)
async def notify_subscribers(article_id: str) -> str:
    return article_id


def alert_args(ctx: ExceptionContext) -> Arguments:
    return alert_editorial.args(ctx.arguments["article_id"], error=ctx.exception_message)


@tasks.task(triggers=on_exception(enrich_article, EnrichmentError).with_args_from_exception(alert_args))
async def alert_editorial(article_id: str, error: str) -> str:
    return error


@tasks.task(triggers=on_status(ingest_feed) & on_result(ingest_feed, {"count": gt(5)}))
async def generate_digest() -> str:
    return "digest"


@tasks.task(triggers=on_cron("0 3 * * *"))
async def archive_old_content() -> str:
    return "archived"


@tasks.task
async def poll_target() -> str:
    await asyncio.sleep(0.2)
    return "done"


@tasks.task
async def polling_tasks(target: Handle[str]) -> str:
    while await target.status() != "SUCCESS":  # noqa: ASYNC110
        await asyncio.sleep(0.3)
    return "observed"


@tasks.task
async def wait_result_tasks(target: Handle[str]) -> str:
    return await target.result()


@tasks.task(triggers=on_status(poll_target))
async def reactive_tasks() -> str:
    return "reacted"

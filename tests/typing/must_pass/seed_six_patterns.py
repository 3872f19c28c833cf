"""The news desk in the seeds' own spelling: the six-pattern post, made async."""

from typing import Any

from ensue import EventContext, ExceptionContext, Status, StatusContext, Tasks, TriggerBuilder

tasks = Tasks("post")
DIGEST_THRESHOLD = 5


class EnrichmentError(Exception): ...


def args_from_feed_event(ctx: EventContext[Any]) -> dict[str, Any]:
    return {"source": ctx.payload["source"], "count": ctx.payload["count"]}


@tasks.task(
    triggers=[
        TriggerBuilder().on_cron("*/15 * * * *").with_arguments({"source": "cron", "count": 3}),
        TriggerBuilder().on_event("feed_updated").with_args_from_event(args_from_feed_event),
    ]
)
async def ingest_feed(source: str, count: int) -> dict[str, Any]:
    return {"source": source, "count": count}


def args_from_article_event(ctx: EventContext[Any]) -> dict[str, Any]:
    return {"article_id": ctx.payload["article_id"], "kind": ctx.payload["kind"]}


@tasks.task(triggers=TriggerBuilder().on_event("article_found").with_args_from_event(args_from_article_event))
async def enrich_article(article_id: str, kind: str) -> str:
    return article_id


def args_from_enrich_status(ctx: StatusContext) -> dict[str, Any]:
    return {"article_id": ctx.arguments.kwargs["article_id"]}


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(enrich_article, statuses=[Status.SUCCESS], call_arguments={"kind": "breaking_news"})
    .with_args_from_status(args_from_enrich_status)
)
async def notify_subscribers(article_id: str) -> str:
    return article_id


def args_from_enrich_exception(ctx: ExceptionContext) -> dict[str, Any]:
    return {"article_id": ctx.arguments.kwargs["article_id"], "error": ctx.exception_message}


@tasks.task(
    triggers=TriggerBuilder()
    .on_exception(enrich_article, exception_types="EnrichmentError")
    .with_args_from_exception(args_from_enrich_exception)
)
async def alert_editorial(article_id: str, error: str) -> str:
    return error


def digest_threshold_filter(result: dict[str, Any]) -> bool:
    return bool(result.get("count", 0) > DIGEST_THRESHOLD)


@tasks.task(
    triggers=TriggerBuilder()
    .on_status(ingest_feed, statuses=[Status.SUCCESS])
    .on_result(ingest_feed, filter_result=digest_threshold_filter)
    .with_logic("and")
)
async def generate_digest() -> str:
    return "digest"


@tasks.task(triggers=TriggerBuilder().on_cron("0 3 * * *"))
async def archive_old_content() -> str:
    return "archived"

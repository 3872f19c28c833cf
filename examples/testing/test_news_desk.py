"""Tests of the news desk, as its authors would write them: in this process, in virtual time, without a network.

    pytest examples/testing

`engine_for` runs the real scheduler and worker on a store in memory. A day passes in milliseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest_asyncio
from feeds import Article, FeedReader, FeedUnreachable
from tasks import (
    FeedUpdated,
    alert_editorial,
    archive_old_content,
    article_found,
    enrich_article,
    feed_updated,
    generate_digest,
    ingest_feed,
    notify_subscribers,
    poll_target,
    polling_tasks,
    reactive_tasks,
    reader,
    tasks,
    wait_result_tasks,
)

from ensue.testing import Kit, engine_for


class FakeReader(FeedReader):
    """Has so many articles at hand; fails the first times it is asked, if told so."""

    def __init__(self, articles: Sequence[Article], failures: int = 0) -> None:
        super().__init__("http://nowhere.example")
        self.articles, self.failures = articles, failures

    async def read(self, source: str, count: int) -> list[Article]:
        """Return articles without a network."""
        if self.failures:
            self.failures -= 1
            raise FeedUnreachable(source)
        return list(self.articles[:count])


def article(name: str, kind: str = "regular", text: str = "some words") -> Article:
    """Return an article to test with."""
    return Article(name, kind, title=name.title(), text=text)


TEN = [article(f"a{number}") for number in range(10)]


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Kit]:
    """The news desk at midnight, with ten articles to read wherever it looks."""
    async with engine_for(tasks, now="2026-01-01T00:00Z", overrides={reader: FakeReader(TEN)}) as t:
        yield t


async def test_an_update_is_ingested_with_its_own_arguments(desk: Kit) -> None:
    await desk.emit(feed_updated, FeedUpdated("rss", 3))
    await desk.settle()
    assert desk.ran(ingest_feed) == [{"source": "rss", "count": 3}]
    assert desk.results(ingest_feed) == [{"source": "rss", "count": 3}]
    assert [each["article_id"] for each in desk.ran(enrich_article)] == ["a0", "a1", "a2"]


async def test_subscribers_hear_of_breaking_news_only(desk: Kit) -> None:
    await desk.emit(article_found, article("fire", kind="breaking_news"))
    await desk.emit(article_found, article("fair"))
    await desk.settle()
    assert len(desk.ran(enrich_article)) == 2
    assert desk.ran(notify_subscribers) == [{"article_id": "fire"}]


async def test_an_article_without_text_is_shown_to_a_person_once(desk: Kit) -> None:
    await desk.emit(article_found, article("empty", kind="breaking_news", text=""))
    await desk.settle()
    assert desk.ran(alert_editorial) == [{"article_id": "empty", "error": "the article has no text"}]
    assert desk.ran(notify_subscribers) == []


async def test_a_digest_needs_more_than_five_articles(desk: Kit) -> None:
    await desk.emit(feed_updated, FeedUpdated("small", 5))
    await desk.emit(feed_updated, FeedUpdated("large", 6))
    await desk.settle()
    assert desk.ran(generate_digest) == [{"source": "large"}]


async def test_schedules_keep_to_the_clock(desk: Kit) -> None:
    await desk.advance("1d")
    assert len(desk.ran(archive_old_content)) == 1
    assert desk.ran(ingest_feed) == [{"source": "harbour-wire", "count": 1}] * 96


async def test_a_feed_that_is_away_is_tried_again() -> None:
    async with engine_for(tasks, overrides={reader: FakeReader(TEN, failures=2)}) as t:
        await t.emit(feed_updated, FeedUpdated("rss", 2))
        await t.settle()  # waits for the retries, in virtual time
        assert len(t.ran(ingest_feed)) == 1
        assert len(t.ran(enrich_article)) == 2
        assert t.failures() == []


async def test_a_feed_that_stays_away_emits_nothing() -> None:
    async with engine_for(tasks, overrides={reader: FakeReader(TEN, failures=3)}) as t:
        await t.emit(feed_updated, FeedUpdated("rss", 2))
        await t.settle()
        assert t.emitted(article_found) == []
        assert t.failures(ingest_feed) == ["news.ingest_feed: feeds.FeedUnreachable: rss"]


async def test_three_ways_to_learn_of_an_end(desk: Kit) -> None:
    target = await poll_target.submit()
    await polling_tasks.submit(target)
    await wait_result_tasks.submit(target)
    await desk.settle()
    assert desk.results(polling_tasks) == ["observed"]
    assert desk.results(wait_result_tasks) == ["done"]
    assert desk.ran(reactive_tasks) == [{}]
    assert desk.problems() == []

"""Each file of the examples is whole: sources compile, feeds are feeds, and each is shown somewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, shown

EXAMPLES = ROOT / "examples"
SOURCES = [path for path in files() if path.is_relative_to(EXAMPLES) and path.suffix == ".py"]
FEEDS = [path for path in files() if path.is_relative_to(EXAMPLES) and path.suffix == ".xml"]
NEWS_DESK = EXAMPLES / "news_desk"


@pytest.mark.parametrize("path", SOURCES, ids=[shown(path) for path in SOURCES])
def test_a_source_compiles(path: Path) -> None:
    compile(path.read_text("utf-8"), path, "exec", dont_inherit=True)


def test_there_are_sources_and_feeds_of_both_kinds() -> None:
    assert {EXAMPLES / "hello.py", NEWS_DESK / "tasks.py", NEWS_DESK / "demo.py"} <= set(SOURCES)
    texts = [path.read_text("utf-8") for path in FEEDS]
    assert sum('<rss version="2.0"' in text for text in texts) >= 3
    assert sum('xmlns="http://www.w3.org/2005/Atom"' in text and "<entry>" in text for text in texts) >= 2


@pytest.fixture
def news_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(NEWS_DESK), *sys.path])
    for path in NEWS_DESK.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)


@pytest.mark.usefixtures("news_desk")
async def test_a_feed_is_read_over_http_as_its_author_meant_it() -> None:
    import feeds
    import scenarios

    with feeds.serve_feeds() as base:
        reader = feeds.FeedReader(base)
        for name, articles in scenarios.ARTICLES.items():
            read = await reader.read(name, 100)
            assert {each.article_id: each.kind for each in read} == dict(articles)
            assert [each.article_id for each in read if not each.text] == (
                [scenarios.WITHOUT_TEXT] if name == "parliament-watch" else []
            )
            assert not any("<" in each.text or "&" in each.text for each in read)
            assert len(await reader.read(name, 1)) == 1
        with pytest.raises(feeds.FeedUnreadable):
            await reader.read("nowhere", 1)
    with pytest.raises(feeds.FeedUnreachable):
        await reader.read("harbour-wire", 1)
    with pytest.raises(feeds.FeedUnreadable):
        feeds.parse(b"<html><body>no feed</body></html>", "page")

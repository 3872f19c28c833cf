"""News feeds: reading one over HTTP, and a server for the documents beside this file.

Nothing here knows the engine. `FeedReader` reads RSS 2.0 and Atom, from anywhere; `serve_feeds` serves
`feeds/*.xml` on a free port of this machine, so that the example has something to read without the network.
"""

from __future__ import annotations

import asyncio
import html
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import feedparser  # pyright: ignore[reportMissingTypeStubs]
import msgspec

FEEDS = Path(__file__).parent / "feeds"
TIMEOUT_SECONDS = 10
FEED_BYTES_MAX = 5_000_000


class Article(msgspec.Struct, frozen=True):
    """One entry of a feed. `kind` is `breaking_news` or `regular`; `text` is plain and may be empty."""

    article_id: str
    kind: str
    title: str
    text: str


class FeedUnreachable(OSError):
    """The feed could not be fetched; worth another try."""


class FeedUnreadable(ValueError):
    """What was fetched is not a feed; another try brings the same."""


class FeedReader:
    """Reads feeds by name, from one place, or by URL, from anywhere."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")

    def url(self, source: str) -> str:
        """Return where a source is read: a URL is its own answer, a name is a document below `base`."""
        return source if "://" in source else f"{self.base}/{source}.xml"

    async def read(self, source: str, count: int) -> list[Article]:
        """Return the first `count` articles of a source, newest first as feeds have them.

        Raises `FeedUnreachable` and `FeedUnreadable`. Works in a thread, so that the loop goes on.
        """
        return await asyncio.to_thread(self._read, self.url(source), count)

    def _read(self, url: str, count: int) -> list[Article]:
        return parse(_fetch(url), url)[:count]


def _fetch(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise FeedUnreadable(f"{url} is no http or https URL")
    request = urllib.request.Request(url, headers={"User-Agent": "news-desk-example"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            document: bytes = response.read(FEED_BYTES_MAX)
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise FeedUnreadable(f"{url} answers {error.code} {error.reason}") from None
        raise FeedUnreachable(f"{url} answers {error.code} {error.reason}") from None
    except OSError as error:
        raise FeedUnreachable(f"{url} cannot be reached: {getattr(error, 'reason', error)}") from None
    return document


def parse(document: bytes, url: str) -> list[Article]:
    """Return the articles of an RSS or Atom document in order; raises `FeedUnreadable` where it is neither."""
    read: Any = cast(Any, feedparser).parse
    parsed = read(document, response_headers={"content-location": url})
    if not parsed.version:
        raise FeedUnreadable(f"{url} is neither RSS nor Atom")
    return [_article(entry) for entry in parsed.entries]


def _article(entry: Any) -> Article:
    terms = {str(tag.get("term") or "").strip().lower() for tag in entry.get("tags", ())}
    whole = entry.content[0].value if entry.get("content") else ""
    return Article(
        article_id=str(entry.get("id") or entry.get("link") or entry.get("title") or "unnamed"),
        kind="breaking_news" if terms & {"breaking", "breaking news"} else "regular",
        title=_plain(entry.get("title", "")),
        text=_plain(whole or entry.get("summary", "")),
    )


def _plain(markup: str) -> str:
    """Return the words of an HTML fragment."""
    apart = re.sub(r"</?(?:p|br|div|li|ul|ol|h\d)\b[^>]*>", " ", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", apart)).split())


@contextmanager
def serve_feeds(folder: Path = FEEDS) -> Generator[str]:
    """Serve a folder over HTTP on a free port of this machine; gives the base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="feeds", daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

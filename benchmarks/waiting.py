"""Waiting until the query views have all that the log holds."""

from __future__ import annotations

import asyncio

from ensue import Engine
from ensue_projections.queries import PROJECTION, VERSION


async def views_folded(engine: Engine) -> None:
    """Wait until the query views stand at the head of the log."""
    while True:
        head = await engine.store.log.head()
        if await engine.store.views.cursor(PROJECTION, VERSION) >= head.position:
            return
        await asyncio.sleep(0.005)

"""The contract of a store as tests: what every adapter, and every simulator of one, must do alike.

An adapter's author writes a fixture, and pytest runs the suite against it (with pytest-asyncio)::

    from ensue.testing.conformance import *

    @pytest_asyncio.fixture
    async def make_store(tmp_path: Path) -> AsyncIterator[Handles]:
        url = f"sqlite:///{tmp_path}/log.db"
        async with Handles(lambda namespace, clock: open_store(url, namespace, clock)) as handles:
            yield handles
"""

from __future__ import annotations

import pytest

_FILES = (
    "log", "waiting", "decisions", "triggers", "work", "ends", "leases", "offsets", "views", "queries", "whole",
    "archives", "generations",
)  # fmt: skip
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _FILES))

from ensue.testing.conformance.archives import *  # noqa: E402, F403
from ensue.testing.conformance.decisions import *  # noqa: E402, F403
from ensue.testing.conformance.ends import *  # noqa: E402, F403
from ensue.testing.conformance.generations import *  # noqa: E402, F403
from ensue.testing.conformance.handles import Handles as Handles  # noqa: E402
from ensue.testing.conformance.leases import *  # noqa: E402, F403
from ensue.testing.conformance.log import *  # noqa: E402, F403
from ensue.testing.conformance.offsets import *  # noqa: E402, F403
from ensue.testing.conformance.queries import *  # noqa: E402, F403
from ensue.testing.conformance.triggers import *  # noqa: E402, F403
from ensue.testing.conformance.views import *  # noqa: E402, F403
from ensue.testing.conformance.waiting import *  # noqa: E402, F403
from ensue.testing.conformance.whole import *  # noqa: E402, F403
from ensue.testing.conformance.work import *  # noqa: E402, F403

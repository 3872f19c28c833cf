"""Looking: events, runs, invocations and triggers, as `engine.events`, `engine.runs` and so on give them.

```python
page = await engine.events.list(code="order.*", triggered=False)
async for invocation in engine.invocations.all(status="FAILED"):
    ...
run = await engine.runs.get(id)
```
A list shows what the query views hold, folded up to date first; only where a live projector is more than ten
thousand records behind does it show what is there. What `get` says of an invocation is exact.
"""

from __future__ import annotations

from ensue.queries.events import Events
from ensue.queries.fresh import fold_up
from ensue.queries.invocations import Invocations
from ensue.queries.pages import Page
from ensue.queries.problems import Problems
from ensue.queries.runs import Runs
from ensue.queries.shown import (
    AttemptView,
    EventDetail,
    EventView,
    InvocationDetail,
    InvocationView,
    ParticipantView,
    ProblemView,
    RunDetail,
    RunView,
    ScheduleView,
    TriggerDetail,
    TriggerView,
    WaitingView,
)
from ensue.queries.triggers import Fired, Triggers

__all__ = [
    "AttemptView",
    "EventDetail",
    "EventView",
    "Events",
    "Fired",
    "InvocationDetail",
    "InvocationView",
    "Invocations",
    "Page",
    "ParticipantView",
    "ProblemView",
    "Problems",
    "RunDetail",
    "RunView",
    "Runs",
    "ScheduleView",
    "TriggerDetail",
    "TriggerView",
    "Triggers",
    "WaitingView",
    "fold_up",
]

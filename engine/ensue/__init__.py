"""ensue: an async-first, event-sourced trigger engine.

The rule stands on the task that reacts:

```python
import asyncio
from ensue import Engine, on_event

engine = Engine("sqlite:///hello.db")

@engine.task(triggers=on_event("user.joined").with_args_from_event("name"))
async def greet(name: str) -> str:
    return f"hello {name}"

async def main() -> None:
    async with engine.running():
        event = await engine.emit("user.joined", {"name": "Ada"})
        await event.settled(timeout=5)

if __name__ == "__main__":
    asyncio.run(main())
```
"""

from ensue.builder import TriggerBuilder
from ensue.conditions import (
    ArgumentsFilter,
    StatusName,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_poll,
    on_result,
    on_status,
    on_success,
)
from ensue.contexts import (
    Arguments,
    CronContext,
    EndContext,
    EventContext,
    ExceptionContext,
    PollContext,
    ResultContext,
    RunContext,
    StatusContext,
)
from ensue.current import Current, current
from ensue.engine import Engine
from ensue.events import Event
from ensue.filters import Comparison, contains, eq, exists, ge, gt, le, lt, ne, one_of, prefix
from ensue.handles import Change, Emitted, Handle
from ensue.polls import Fire, PollAnswer, PollFunction, Skip
from ensue.queries import (
    AttemptView,
    EventDetail,
    EventView,
    InvocationDetail,
    InvocationView,
    Page,
    ParticipantView,
    RunDetail,
    RunView,
    ScheduleView,
    TriggerDetail,
    TriggerView,
    WaitingView,
)
from ensue.replay.told import ConditionView, Explanation
from ensue.resources import Resource
from ensue.tasks import AsyncTask, SyncTask, Task, TaskRef, Tasks, TriggerLike
from ensue.trace import Node, Trace
from ensue.triggers import Composite, Condition, Kwargs, Start, Trigger
from ensue_core.defaults import Defaults
from ensue_core.errors import (
    AnotherProgram,
    ArgumentsMismatch,
    AttemptOver,
    BadConnection,
    BadCron,
    BadDuration,
    BadFilter,
    BadId,
    BadQuery,
    BadValue,
    CodeMissing,
    CommitUnknown,
    ConfigError,
    DeclarationError,
    DuplicateTask,
    EmptyTrigger,
    EnsueError,
    FormatTooNew,
    HistoryLost,
    IdempotencyConflict,
    JoinWithoutKey,
    ModuleNotLoaded,
    NotFound,
    NotInTask,
    NotModuleLevel,
    NotRunning,
    Quarantined,
    QueueFull,
    Retry,
    SchemaMismatch,
    StartNeeded,
    StoreError,
    StoreUnavailable,
    TaskCancelled,
    TaskFailed,
    UnknownStatus,
    UnknownTask,
    WaitTimeout,
)
from ensue_core.statuses import Status

__version__ = "0.1.0"
"""The version of this package."""

__all__ = [
    "AnotherProgram",
    "Arguments",
    "ArgumentsFilter",
    "ArgumentsMismatch",
    "AsyncTask",
    "AttemptOver",
    "AttemptView",
    "BadConnection",
    "BadCron",
    "BadDuration",
    "BadFilter",
    "BadId",
    "BadQuery",
    "BadValue",
    "Change",
    "CodeMissing",
    "CommitUnknown",
    "Comparison",
    "Composite",
    "Condition",
    "ConditionView",
    "ConfigError",
    "CronContext",
    "Current",
    "DeclarationError",
    "Defaults",
    "DuplicateTask",
    "Emitted",
    "EmptyTrigger",
    "EndContext",
    "Engine",
    "EnsueError",
    "Event",
    "EventContext",
    "EventDetail",
    "EventView",
    "ExceptionContext",
    "Explanation",
    "Fire",
    "FormatTooNew",
    "Handle",
    "HistoryLost",
    "IdempotencyConflict",
    "InvocationDetail",
    "InvocationView",
    "JoinWithoutKey",
    "Kwargs",
    "ModuleNotLoaded",
    "Node",
    "NotFound",
    "NotInTask",
    "NotModuleLevel",
    "NotRunning",
    "Page",
    "ParticipantView",
    "PollAnswer",
    "PollContext",
    "PollFunction",
    "Quarantined",
    "QueueFull",
    "Resource",
    "ResultContext",
    "Retry",
    "RunContext",
    "RunDetail",
    "RunView",
    "ScheduleView",
    "SchemaMismatch",
    "Skip",
    "Start",
    "StartNeeded",
    "Status",
    "StatusContext",
    "StatusName",
    "StoreError",
    "StoreUnavailable",
    "SyncTask",
    "Task",
    "TaskCancelled",
    "TaskFailed",
    "TaskRef",
    "Tasks",
    "Trace",
    "Trigger",
    "TriggerBuilder",
    "TriggerDetail",
    "TriggerLike",
    "TriggerView",
    "UnknownStatus",
    "UnknownTask",
    "WaitTimeout",
    "WaitingView",
    "__version__",
    "contains",
    "current",
    "eq",
    "exists",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
    "on_any_result",
    "on_cron",
    "on_event",
    "on_exception",
    "on_poll",
    "on_result",
    "on_status",
    "on_success",
    "one_of",
    "prefix",
]

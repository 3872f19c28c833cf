"""Everything that can go wrong, on one page. Each message ends with what to do next."""

from __future__ import annotations


class EnsueError(Exception):
    """The root of every error this library raises on purpose."""


# Declarations: found while the program is being put together.


class DeclarationError(EnsueError):
    """A task, trigger, filter or provider is declared in a way that cannot work."""


class NotModuleLevel(DeclarationError):
    """A filter or provider is a lambda, nested function, partial, method or callable object."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(
            f"{what} of {where} must be a named function at module level (not a lambda, nested function, "
            "partial, method or object), so that every process finds the same code: move it there"
        )


class UnknownStatus(DeclarationError):
    """A status name that does not exist."""

    def __init__(self, name: object, where: str = "") -> None:
        super().__init__(
            f"{where}{': ' if where else ''}{name!r} is not a status: use REGISTERED, SCHEDULED, PENDING, RUNNING, "
            "RETRY, SUCCESS, FAILED or CANCELLED"
        )


class BadCron(DeclarationError):
    """A cron expression that cannot be read."""

    def __init__(self, expression: object, why: str, where: str = "") -> None:
        super().__init__(
            f"{where}{': ' if where else ''}cron expression {expression!r}: {why}; write 5 fields (minute hour day "
            "month weekday), or 6 with seconds first"
        )


class BadDuration(DeclarationError):
    """A duration that cannot be read."""

    def __init__(self, duration: object, where: str = "") -> None:
        super().__init__(
            f"{where}{': ' if where else ''}{duration!r} is not a duration: write a positive number with ms, s, m, h "
            "or d ('15m', '1h30m'), a timedelta, or seconds"
        )


class BadFilter(DeclarationError):
    """A filter that is neither a mapping, a value, a comparison nor a function."""


class EmptyTrigger(DeclarationError):
    """A trigger without conditions, or a condition without anything to wait for."""


class JoinWithoutKey(DeclarationError):
    """A join whose conditions do not say how their matches find each other."""

    def __init__(self, where: str, conditions: str) -> None:
        super().__init__(
            f"{where} joins conditions that do not all watch one task ({conditions}): say on each how "
            'matches pair, .by("path") with the path of an equal value, or .by(None) for any with any'
        )


class UnknownTask(EnsueError):
    """A task name that no code here declares."""

    def __init__(self, name: str, where: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        tail = f"; known: {', '.join(known[:8])}" if known else ""
        super().__init__(
            f"no task named {name!r} ({where}): check the spelling, list its module in Engine(tasks=[...]), "
            f"or use TaskRef({name!r}) for another service's task{tail}"
        )


class DuplicateTask(DeclarationError):
    """Two tasks with one name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(
            f"two tasks are named {name!r} ({first} and {second}): rename one, give it name=..., or use another "
            "Tasks prefix"
        )


class ArgumentsMismatch(EnsueError):
    """Arguments that do not fit a task's signature."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(f"arguments do not fit task {task!r}: {why}; change the arguments or the signature")


class ModuleNotLoaded(EnsueError):
    """A module or attribute the user named cannot be loaded."""


class ConfigError(EnsueError):
    """A setting is missing, unknown or of the wrong form."""


# Values.


class BadValue(EnsueError):
    """A payload, argument or result that cannot be stored as JSON."""


class BadId(EnsueError):
    """Text that is not an id."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not an id: ids are 32 hex digits, copy one from a listing")


class NotFound(EnsueError):
    """No entity has that id or name."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"no {what} {name!r} in this namespace: check the id, app_id and URL (`ensue config`)")


class BadQuery(EnsueError):
    """A filter, limit or cursor of a query that cannot be read."""


class IdempotencyConflict(EnsueError):
    """A key that was used before with another payload."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            f"idempotency key {key!r} was already used for {what} with another payload: use a new key, or send "
            "the same payload"
        )


class QueueFull(EnsueError):
    """More invocations wait than the bound allows."""

    def __init__(self, queued: int, bound: int) -> None:
        super().__init__(
            f"{queued} invocations are queued and the bound is {bound}: nothing was stored, start more workers or "
            "try again later"
        )


# Running.


class TaskFailed(EnsueError):
    """An invocation ended FAILED.

    `type` is the qualified name of the task's exception, `message` its text, `traceback` its trimmed
    traceback.
    """

    def __init__(self, task: str, invocation: str, type: str, message: str, traceback: str = "") -> None:
        self.task, self.invocation = task, invocation
        self.type, self.message, self.traceback = type, message, traceback
        super().__init__(f"{task} failed with {type}: {message} (invocation {invocation}, see `ensue trace`)")


class TaskCancelled(EnsueError):
    """An invocation was cancelled."""

    def __init__(self, task: str, invocation: str) -> None:
        super().__init__(f"{task} was cancelled (invocation {invocation}); submit it again if it should run")


class WaitTimeout(EnsueError, TimeoutError):
    """What was waited for did not happen in time; nothing is lost by it."""


class NotRunning(EnsueError):
    """The engine is not open."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs an open engine: use `async with engine:` (client) or `async with engine.running():`"
        )


class NotInTask(EnsueError):
    """Something that only a task can do was tried elsewhere."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} works inside a running task only: call it from a task's body")


class AttemptOver(EnsueError):
    """An attempt that has ended tried to go on."""

    def __init__(self, task: str, invocation: str, attempt: int) -> None:
        super().__init__(
            f"attempt {attempt} of {task} (invocation {invocation}) has ended, so its emits are recorded no more: "
            "let the body wait for what it starts"
        )


class Quarantined(EnsueError):
    """An invocation whose attempts kept dying with their process; it is not tried again.

    Never raised: it is the type of the recorded failure, for `on_exception`.
    """


class Retry(EnsueError):
    """Raise it in a task to ask for another attempt, within `max_retries`."""


# Services.


class AnotherProgram(EnsueError):
    """A program tries to declare itself in the chain of another one."""

    def __init__(self, namespace: str, service: str, theirs: tuple[str, ...]) -> None:
        super().__init__(
            f"service {service!r} of namespace {namespace!r} belongs to a program with other tasks "
            f"({', '.join(theirs[:4])}): give this one its own service=, or pass replace=True (`--replace`) if it "
            "really takes the other's place"
        )


class CodeMissing(EnsueError):
    """A trigger is to be resumed whose code the declared program lacks."""

    def __init__(self, trigger: str) -> None:
        super().__init__(
            f"trigger {trigger!r} is paused because the program that is declared lacks its code: it resumes by "
            "itself, catching up, when a program that has it is declared (`ensue declare`)"
        )


class StartNeeded(EnsueError):
    """A first declaration would cover a long past."""

    def __init__(self, trigger: str, records: int, bound: int) -> None:
        super().__init__(
            f"trigger {trigger!r} would react to {records} records of the past (more than {bound}): say "
            '.starting("beginning") or .starting("now")'
        )


# Stores.


class StoreError(EnsueError):
    """The store cannot do what was asked."""


class HistoryLost(StoreError):
    """The store lacks records that it had shown or acknowledged before; it is used no more by who noticed."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, is missing, locked, read-only or full."""


class BadConnection(StoreError):
    """What was given as `connection=` cannot carry an event or a submit."""


class SchemaMismatch(StoreError):
    """The store was written by another version of this library."""


class InThePast(StoreError):
    """Something was to be changed in a view of the past."""

    def __init__(self) -> None:
        super().__init__(
            "this is the namespace as of an earlier position, which can only be looked at: leave as_of out"
        )


class ReplayRunning(StoreError):
    """Somebody else is rebuilding the same views."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"another rebuild of these views is running ({holder}): wait for it, or stop it first")


class FormatTooNew(StoreError):
    """A record was written by a newer version of this library."""

    def __init__(self, kind: str, version: int) -> None:
        super().__init__(
            f"the log holds a {kind} record of format {version}, newer than this version reads: upgrade ensue"
        )


class CommitUnknown(StoreError):
    """A commit was sent and its outcome is not known: look it up by its id."""


class TopicUnavailable(EnsueError):
    """A topic cannot be reached, does not exist, may not be read, or is not the one it was."""

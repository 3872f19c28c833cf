"""What Postgres and the network complain of, as one sentence each: what, where, what to do."""

from __future__ import annotations

import socket
import ssl

import asyncpg

from ensue_adapters.postgres.place import Place
from ensue_core.errors import EnsueError, SchemaMismatch, StoreError, StoreUnavailable

Trouble = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    UnicodeError,
)
"""What a call of the driver may raise, and `translate` understands."""

_GONE = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,  # a connection that was lost in mid-sentence says so when it is used again
    ConnectionError,
)


def is_gone(error: BaseException) -> bool:
    """Whether the connection itself was lost, so that another one may do."""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released back to the pool" in str(error)
    return isinstance(error, _GONE)


def is_blind(error: BaseException) -> bool:
    """Whether the session does not see all of the log's partitions, and never will (06_enter.sql, or no room)."""
    if isinstance(error, asyncpg.CheckViolationError):
        return "partition" in str(error)
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate == "EN001"


def is_unknown(error: BaseException) -> bool:
    """Whether a COMMIT that failed so may have taken effect: the server did not say that it has not."""
    if isinstance(error, asyncpg.PostgresError):
        return is_gone(error)
    if isinstance(error, asyncpg.InterfaceError):
        return not is_gone(error)  # it was closed before anything could be sent
    return isinstance(error, (asyncpg.InternalClientError, OSError, TimeoutError))


def translate(error: BaseException, place: Place) -> EnsueError:
    """Return the error that the user sees; raise it `from` the original."""
    if isinstance(error, EnsueError):
        return error
    name = place.name
    match error:
        case asyncpg.PostgresError():
            return _of_server(error, place)
        case asyncpg.TargetServerAttributeNotMatched():
            return StoreUnavailable(f"{name} is a standby: name the primary, or all hosts separated by commas")
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() if is_gone(error) or "closing" in str(error):
            return StoreUnavailable(f"the connection to {name} was lost: it is made again at the next call")
        case ssl.SSLCertVerificationError():
            return StoreUnavailable(
                f"the certificate of {name} cannot be trusted ({error.verify_message}): name its authority with "
                "sslrootcert=, or say sslmode=require to go without this check"
            )
        case ssl.SSLError():
            return StoreUnavailable(
                f"TLS with {name} failed ({error.reason}): check sslmode= and the server's settings"
            )
        case socket.gaierror():
            return StoreUnavailable(f"there is no host of that name ({name}): correct the URL, or the name service")
        case ConnectionRefusedError() | FileNotFoundError():
            return StoreUnavailable(f"no server answers at {name}: start Postgres, or correct the URL")
        case TimeoutError() if place.pooled:
            return StoreUnavailable(
                f"{name} did not answer in time: see that the pooler pools by transaction and has connections left, "
                "look at the server's load and the network, and try again"
            )
        case TimeoutError():
            return StoreUnavailable(f"{name} did not answer in time: look at its load and the network, and try again")
        case ConnectionError() if "SSL" in str(error) or "TLS" in str(error):
            return StoreUnavailable(
                f"{name} speaks no TLS, which sslmode={place.sslmode} asks for: let it, or say sslmode=disable "
                "where the network is safe"
            )
        case ConnectionError():
            return StoreUnavailable(f"the connection to {name} was lost ({error}): try again")
        case OSError() if "Multiple exceptions" in str(error) or "Connect call failed" in str(error):
            return StoreUnavailable(f"no server answers at {name}: start Postgres, or correct the URL")
        case OSError():
            return StoreUnavailable(f"{name} cannot be reached ({error}): check the URL and the network")
        case UnicodeError():
            return StoreError(f"a text cannot be stored ({error}): it holds half a character, remove it")
        case _:
            return StoreError(f"{name}: {error}")


def _of_server(error: asyncpg.PostgresError, place: Place) -> EnsueError:
    name = place.name
    said = str(error).partition("\n")[0]  # details and hints stand below
    match error:
        case _ if "statement pooling" in str(error):
            return StoreUnavailable(
                f"the pooler at {name} shares connections by statement: set it to pool by transaction"
            )
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            who = place.user or "this user"
            return StoreUnavailable(
                f"{name} refuses {who} ({said}): correct user and password in the URL, or pg_hba.conf"
            )
        case asyncpg.InvalidCatalogNameError():
            return StoreUnavailable(
                f"there is no database {place.database!r} at {name}: create it (`createdb {place.database}`), or "
                "correct the URL"
            )
        case asyncpg.InsufficientPrivilegeError():
            return StoreUnavailable(
                f"{name}: {said}: grant it to this role, or use another one (docs: Postgres, roles)"
            )
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.InvalidSchemaNameError():
            return SchemaMismatch(f"schema {place.schema!r} of {name} is not complete ({said}): run `ensue db upgrade`")
        case asyncpg.TooManyConnectionsError():
            return StoreUnavailable(f"{name} has no connection left: raise max_connections, or lower pool= in the URL")
        case asyncpg.LockNotAvailableError() | asyncpg.DeadlockDetectedError():
            return StoreUnavailable(
                f"{name} stayed locked by another transaction: nothing was stored, look for it in pg_stat_activity and "
                "try again"
            )
        case asyncpg.QueryCanceledError():
            return StoreUnavailable(
                f"{name} took longer than a statement may ({said}): nothing was stored, look at its load and try again"
            )
        case asyncpg.ReadOnlySQLTransactionError():
            return StoreUnavailable(f"{name} is read-only, a standby perhaps: name the primary")
        case asyncpg.DiskFullError() | asyncpg.OutOfMemoryError() | asyncpg.InsufficientResourcesError():
            return StoreUnavailable(f"{name} has no room ({said}): nothing was stored, make some and try again")
        case asyncpg.CannotConnectNowError():
            return StoreUnavailable(f"{name} is starting or stopping ({said}): try again in a moment")
        case asyncpg.DuplicatePreparedStatementError() | asyncpg.InvalidSQLStatementNameError():
            return StoreUnavailable(
                f"{name} goes through a pooler that shares connections: add pooler=transaction to the URL, and "
                "listen= with a direct address"
            )
        case asyncpg.ProtocolViolationError() if "startup parameter" in str(error):
            return StoreUnavailable(f"{name} goes through a pooler ({said}): add pooler=transaction to the URL")
        case _ if is_gone(error):
            return StoreUnavailable(f"{name} ended the connection ({said}): it is made again at the next call")
        case _:
            return StoreError(f"{name}: {said}")

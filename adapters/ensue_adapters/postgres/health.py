"""What `ensue doctor` says of a Postgres schema."""

from __future__ import annotations

from ensue_adapters.postgres.pages import read_head
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.schema import newest, version
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.space import Space
from ensue_core.clock import Clock, iso
from ensue_core.defaults import SECOND
from ensue_core.ports import Health

_SKEW_SECONDS = 5.0
_TRANSACTION_SECONDS_MAX = 600
_DEAD_MAX = 200_000


async def look(
    session: Session, place: Place, space: Space, clock: Clock, off_seconds: float, hears: bool
) -> list[Health]:
    """Return the findings, in the order they are shown. `off_seconds`: how far this host's clock is off the store's."""
    head = await read_head(session, space.number)
    at = await version(session)
    server = await session.row("store/facts_of_server")
    sizes = await session.row("store/sizes")
    parked = await session.row("intake/parked", namespace=space.number)
    assert server is not None
    assert sizes is not None
    assert parked is not None
    return [
        Health("store", True, f"{place.name}, schema {place.schema}, can be read"),
        Health("schema", at == newest(), f"version {at}, this program knows {newest()}"),
        _server(server[0], server[1], server[3]),
        _transactions(server[4]),
        Health("log", True, f"{head.position} records, the last one at {iso(head.time)}" if head.position else "empty"),
        _sizes(*sizes),
        _parked(*parked),
        _clock(head.time, clock.now(), off_seconds),
        Health(
            "wake-up",
            True,
            "other processes are told at once"
            if hears
            else f"LISTEN does not work here, other processes look every {place.deaf_poll_seconds:g} s: "
            "name a direct address with listen=",
        ),
    ]


def _server(number: str, synchronous: str, standby: bool) -> Health:
    if standby:
        return Health("postgres", False, f"{number}, a standby: name the primary")
    if synchronous == "off":
        return Health("postgres", False, f"{number}, synchronous_commit is off: a crash loses what was acknowledged")
    return Health("postgres", True, f"{number}, synchronous_commit={synchronous}")


def _transactions(seconds: int) -> Health:
    if seconds > _TRANSACTION_SECONDS_MAX:
        says = f"one is open for {seconds} s: nothing dead can be removed meanwhile, look in pg_stat_activity"
        return Health("transactions", False, says)
    return Health("transactions", True, f"the oldest is {seconds} s old")


def _sizes(log: int, work: int, intake: int, dead: int) -> Health:
    says = f"log {log / 1e6:.1f} MB, work {work / 1e6:.1f} MB, intake {intake / 1e6:.1f} MB, {dead} dead rows"
    if dead > _DEAD_MAX:
        says += ": autovacuum does not keep up, look for long transactions"
    return Health("size", dead <= _DEAD_MAX, says)


def _parked(count: int, reason: str | None) -> Health:
    if not count:
        return Health("intake", True, "nothing is parked")
    return Health("intake", False, f"{count} parked, the last because {reason}: look in the table `parked`")


def _clock(last: int, now: int, off: float) -> Health:
    if abs(off) > _SKEW_SECONDS:
        return Health("clock", False, f"this machine's clock is {off:.1f} s off the server's, which counts: set it")
    ahead = (last - now) / SECOND
    if ahead > _SKEW_SECONDS:
        return Health("clock", False, f"the log is {ahead:.1f} s ahead of the server's clock: set that")
    return Health("clock", True, f"{iso(now)}, not behind the log")

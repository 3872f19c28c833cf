"""The client's errors, translated once: each into a sentence that says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence

from aiokafka import errors
from aiokafka.conn import create_conn

from ensue_adapters.kafka.place import Place
from ensue_core.errors import TopicUnavailable

Trouble = (errors.KafkaError, OSError, TimeoutError)
"""What a client may raise that is not our mistake."""


def translate(error: BaseException, place: Place, topic: str) -> TopicUnavailable:
    """Return what to tell of an error that a client raised."""
    match error:
        case errors.SaslAuthenticationFailed() | errors.AuthenticationFailedError():
            says = f"{place.shown} refuses the credentials of user {place.user!r}: check user and password"
        case errors.UnsupportedSaslMechanismError():
            says = f"{place.shown} does not offer sasl={place.mechanism}: ask for another mechanism"
        case errors.UnknownTopicOrPartitionError() | errors.InvalidTopicError():
            says = f"there is no topic {topic!r} on {place.shown}: create it, or correct the URL"
        case errors.TopicAuthorizationFailedError():
            who = "this client" if place.user is None else f"user {place.user!r}"
            says = f"{who} may not use topic {topic!r} on {place.shown}: grant it Read, Write or Describe"
        case errors.ClusterAuthorizationFailedError():
            says = f"{place.shown} does not let this client do that: grant it IdempotentWrite and Create"
        case errors.OffsetOutOfRangeError():
            says = f"topic {topic!r} on {place.shown} does not hold the offset that comes next any more"
        case errors.UnsupportedCodecError():
            says = (
                f"topic {topic!r} is compressed with what is not installed here: pip install 'ensue[kafka]' ({error})"
            )
        case ssl.SSLCertVerificationError():
            says = f"the certificate of {place.shown} cannot be trusted ({error.verify_message}): name its CA, cafile="
        case ssl.SSLError():
            says = f"{place.shown} does not speak TLS as we do ({error.reason}): check tls=, certfile= and the port"
        case errors.KafkaConnectionError() | OSError() | TimeoutError():
            says = f"no Kafka broker answers at {place.shown}: start it, or correct the URL"
        case _:
            says = f"Kafka at {place.shown} failed with {type(error).__name__} ({error})"
    return TopicUnavailable(says)


async def probe(place: Place, topic: str, error: BaseException) -> TopicUnavailable:
    """Find out why no broker would have us: the client only says that none did."""
    if not isinstance(error, errors.KafkaConnectionError):
        return translate(error, place, topic)
    found: list[BaseException] = []
    arguments = place.client()
    brokers: Sequence[str] = arguments.pop("bootstrap_servers")
    for each in brokers:
        host, _, port = each.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), request_timeout_ms=5_000, **arguments)
        except Trouble as why:
            found.append(_cause(why))
        else:
            connection.close()
    told = [each for each in found if not isinstance(each, errors.KafkaConnectionError | OSError)]
    told += [each for each in found if isinstance(each, ssl.SSLError)]
    if not told and await _somebody_listens(brokers):
        speaks = f"{'with' if place.tls else 'without'} TLS and {'with' if place.user else 'without'} a user"
        return TopicUnavailable(
            f"somebody listens at {place.shown}, but is no Kafka broker that talks {speaks}: check the port, tls= and "
            "the credentials"
        )
    return translate((told or [error])[0], place, topic)


async def _somebody_listens(brokers: Sequence[str]) -> bool:
    for each in brokers:
        host, _, port = each.rpartition(":")
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return True
    return False


def _cause(error: BaseException) -> BaseException:
    """Return the error below that says more: the client wraps what TLS has to say."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLError):
            return below
        below = below.__cause__ or below.__context__
    return error

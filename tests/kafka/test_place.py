"""What a Kafka URL may say, and what is refused before anything connects."""

from __future__ import annotations

from pathlib import Path

import pytest

from ensue_adapters.kafka.place import Place, parse_url
from ensue_adapters.kafka.topic import open_topic
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import ConfigError


def place(url: str, **environ: str) -> Place:
    """The place that a URL names."""
    return parse_url(url, environ)[0]


def test_brokers_and_name() -> None:
    found = place("kafka://one:9093,two,[::1]:9094/orders")
    assert found.brokers == ("one:9093", "two:9092", "[::1]:9094")
    assert (found.name, found.tls, found.user) == ("orders", False, None)
    assert found.client()["security_protocol"] == "PLAINTEXT"


def test_what_is_not_about_connecting_is_left_to_the_caller() -> None:
    found, rest = parse_url("kafka://one/space?views=sqlite:///v.db&tls=off")
    assert (found.name, rest) == ("space", {"views": "sqlite:///v.db"})


def test_a_user_means_tls_but_for_this_machine() -> None:
    assert place("kafka://u:p@one/t").tls
    assert not place("kafka://u:p@localhost:9092,127.0.0.1/t").tls
    assert place("kafka://u:p@localhost,one/t").tls
    assert place("kafka://u:p@localhost/t?tls=on").tls
    assert not place("kafka://u:p@one/t?tls=off&sasl=scram-sha-256").tls


def test_passwords_may_hold_anything_and_are_never_shown() -> None:
    found = place("kafka://a%40b:s%2Fecret%3A@localhost/t?sasl=scram-sha-512")
    assert (found.user, found.password) == ("a@b", "s/ecret:")
    assert "ecret" not in repr(found) + str(found) + found.shown
    arguments = found.client()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert arguments["sasl_plain_password"] == "s/ecret:"
    assert place("kafka://u@localhost/t?password_env=PW", PW="x").password == "x"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://one/t", "is not a Kafka URL"),
        ("kafka:///t", "'' is no broker's host:port"),
        ("kafka://one:x/t", "'one:x' is no broker's host:port"),
        ("kafka://one:99999/t", "is no broker's host:port"),
        ("kafka://one,,two/t", "'' is no broker's host:port"),
        ("kafka://[one/t", "is not a URL"),
        ("kafka://u@one/t", "has half of its credentials: write user:password@, or password_env=VARIABLE"),
        ("kafka://:p@one/t", "has half of its credentials"),
        ("kafka://one/t?sasl=plain", "says how to log in but not as whom"),
        ("kafka://one/t?password_env=PATH", "says how to log in but not as whom"),
        ("kafka://u@one/t?password_env=NOT_THERE", "the environment has no NOT_THERE"),
        ("kafka://u:p@one/t?password_env=PATH", "has a password and password_env: keep one"),
        ("kafka://u:p@one/t?sasl=gssapi", "sasl=gssapi is unknown: write plain, scram-sha-256, scram-sha-512"),
        ("kafka://u:p@one/t?tls=maybe", "tls=maybe is unclear: write tls=on or tls=off"),
        ("kafka://u:p@one/t?tls=off", "would send its password in the clear"),
        ("kafka://one/t?keyfile=k.pem", "has a keyfile without its certfile"),
        ("kafka://one/t?cafile=c.pem&tls=off", "names certificates and says tls=off"),
        ("kafka://one/t?cafile=/nowhere/c.pem", "cafile=/nowhere/c.pem cannot be read: check the path"),
        ("kafka://one/t?group=x", "unknown option 'group'"),
        ("kafka://one", "names no topic"),
        ("kafka://one/a/b", "names no topic"),
    ],
)
def test_what_is_written_by_half_is_refused(url: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "x")
    with pytest.raises(ConfigError) as caught:
        open_topic(url, "a", SYSTEM_CLOCK)
    assert says in str(caught.value)
    assert ":p@" not in str(caught.value)


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "c.pem"
    file.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"the certificates for one:9092 cannot be used .*: give PEM files"):
        open_topic(f"kafka://one/t?cafile={file}", "a", SYSTEM_CLOCK)

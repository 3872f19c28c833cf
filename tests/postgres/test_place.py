"""Which server a URL names, and one sentence for each that cannot be meant."""

import ssl

import pytest

from ensue_adapters.postgres.connections import security
from ensue_adapters.postgres.place import parse_url
from ensue_core.errors import ConfigError, StoreUnavailable


def test_a_whole_url_is_read() -> None:
    place = parse_url("postgresql://an%40n:p%2Fw@db.example.com:6432/shop?schema=two&pool=20&application_name=x")
    assert (place.hosts, place.ports, place.database) == (("db.example.com",), (6432,), "shop")
    assert (place.user, place.password, place.schema) == ("an@n", "p/w", "two")
    assert (place.connections_max, place.application) == (20, "x")
    assert "p/w" not in repr(place)
    assert "p/w" not in place.name


def test_what_is_left_out_has_a_default() -> None:
    place = parse_url("postgres:///shop")
    assert (place.hosts, place.ports, place.user, place.schema) == (("localhost",), (5432,), None, "ensue")


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql:///a?host=/var/run/postgresql", ("/var/run/postgresql",), (5432,)),
        ("postgresql://one:1,two:2/a", ("one", "two"), (1, 2)),
        ("postgresql://[::1]:7/a", ("::1",), (7,)),
    ],
)
def test_hosts_have_many_forms(url: str, hosts: tuple[str, ...], ports: tuple[int, ...]) -> None:
    place = parse_url(url)
    assert (place.hosts, place.ports) == (hosts, ports)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://localhost/a", "prefer"),
        ("postgresql://127.0.0.1/a", "prefer"),
        ("postgresql://[::1]/a", "prefer"),
        ("postgresql:///a?host=/tmp", "prefer"),
        ("postgresql://db.example.com/a", "verify-full"),
        ("postgresql://10.0.0.7/a", "verify-full"),
        ("postgresql://localhost,db.example.com/a", "verify-full"),
        ("postgresql://db.example.com/a?sslmode=require", "require"),
        ("postgresql://db.example.com/a?sslmode=disable", "disable"),
    ],
)
def test_what_crosses_a_network_is_verified_by_default(url: str, mode: str) -> None:
    assert parse_url(url).sslmode == mode


def test_only_a_named_mode_weakens_the_check() -> None:
    verified = security(parse_url("postgresql://db.example.com/a"))
    assert isinstance(verified, ssl.SSLContext)
    assert (verified.verify_mode, verified.check_hostname) == (ssl.CERT_REQUIRED, True)
    required = security(parse_url("postgresql://db.example.com/a?sslmode=require"))
    assert isinstance(required, ssl.SSLContext)
    assert required.verify_mode == ssl.CERT_NONE
    assert security(parse_url("postgresql://db.example.com/a?sslmode=disable")) is False
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        security(parse_url("postgresql://db.example.com/a?sslrootcert=/nowhere.crt"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://a/b", "is not a Postgres URL"),
        ("postgresql://localhost", "names no database"),
        ("postgresql://localhost/a/b", "names no database"),
        ("postgresql://localhost:many/a", "'many' is not a port"),
        ("postgresql://localhost:70000/a", "'70000' is not a port"),
        ("postgresql://localhost/a?shema=x", "unknown option 'shema', known are"),
        ("postgresql://localhost/a?schema=No", "'No' does not fit option 'schema': lower case letters"),
        ("postgresql://localhost/a?schema=pg_x", "does not fit option 'schema'"),
        ('postgresql://localhost/a?schema=x"y', "does not fit option 'schema'"),
        ("postgresql://localhost/a?sslmode=on", "does not fit option 'sslmode': one of disable, "),
        ("postgresql://localhost/a?pool=1", "a number of connections from 2 to 200"),
        ("postgresql://localhost/a?poll=0", "'0' does not fit option 'poll'"),
        ("postgresql://localhost/a?pooler=statement", "session or transaction"),
    ],
)
def test_a_bad_url_is_one_sentence(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_url(url)


def test_no_sentence_shows_a_password() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url("postgresql://ann:sec/r@et@localhost/a?x=1")
    assert "et@" not in str(caught.value)

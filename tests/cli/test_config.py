"""Settings: who has the last word, and one sentence for each way to get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ensue.config import DEFAULT_URL, SETTINGS, Source, redact, resolve, unknown_variables, variable
from ensue_core.defaults import DEFAULTS, Defaults
from ensue_core.errors import ConfigError


def write(directory: Path, text: str) -> Path:
    file = directory / "pyproject.toml"
    file.write_text(text)
    return file


def test_nothing_said_gives_the_documented_defaults(tmp_path: Path) -> None:
    settings = resolve(environ={}, directory=tmp_path)
    assert (settings.url, settings.app, settings.log_level, settings.defaults) == (DEFAULT_URL, None, "info", DEFAULTS)
    assert {source.kind for source in settings.sources.values()} == {"default"}
    assert set(settings.sources) == set(SETTINGS)


def test_arguments_win_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[tool.ensue]\nurl = "memory:file"\napp_id = "file"\nservice = "file"\nasync_slots = 7\n')
    environ = {"ENSUE_URL": "memory:environment", "ENSUE_APP_ID": "environment", "ENSUE_THREAD_SLOTS": "3"}
    settings = resolve(environ=environ, directory=tmp_path, url="memory:argument", service=None)
    assert (settings.url, settings.app_id, settings.service) == ("memory:argument", "environment", "file")
    assert (settings.defaults.async_slots, settings.defaults.thread_slots) == (7, 3)
    assert settings.sources["url"] == Source("argument", "url")
    assert settings.sources["app_id"] == Source("environment", "ENSUE_APP_ID")
    assert settings.sources["service"] == Source("file", f"{file} [tool.ensue] service")
    assert settings.sources["thread_slots"] == Source("environment", "ENSUE_THREAD_SLOTS")


def test_the_nearest_pyproject_upwards_is_read(tmp_path: Path) -> None:
    write(tmp_path, '[tool.ensue]\napp = "shop.app:engine"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert resolve(environ={}, directory=below).app == "shop.app:engine"
    write(tmp_path / "a", "[project]\n")
    assert resolve(environ={}, directory=below).app is None


def test_every_default_has_a_variable(tmp_path: Path) -> None:
    for name in Defaults.__struct_fields__:
        value = getattr(DEFAULTS, name)
        text = "other" if isinstance(value, str) else str(value * 2)
        if name == "heartbeat_seconds":
            text = "2.5"
        settings = resolve(environ={variable(name): text}, directory=tmp_path)
        assert str(getattr(settings.defaults, name)) == text, name


def test_changed_defaults_count_as_arguments_and_the_rest_stays_open(tmp_path: Path) -> None:
    environ = {"ENSUE_LEASE_SECONDS": "60", "ENSUE_ASYNC_SLOTS": "5"}
    settings = resolve(environ=environ, directory=tmp_path, defaults=Defaults(lease_seconds=30.0))
    assert (settings.defaults.lease_seconds, settings.defaults.async_slots) == (30.0, 5)
    assert settings.sources["lease_seconds"].kind == "argument"


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    assert resolve(environ={"ENSUE_URL": ""}, directory=tmp_path).url == DEFAULT_URL


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.ensue\nurl = 1", "is not valid TOML"),
        ("[tool.ensue]\nurll = 'memory:'", "has no key 'urll': did you mean 'url'?"),
        ("[tool.ensue]\nurl = 3", "[tool.ensue] url is 3, not text"),
        ("[tool.ensue]\nurl = 'news.db'", "is no URL: write 'sqlite:///ensue.db'"),
        ("[tool.ensue]\nasync_slots = '3'", "async_slots is '3', not a whole number"),
        ("[tool.ensue]\nasync_slots = true", "async_slots is True, not a whole number"),
        ("[tool.ensue]\nasync_slots = 0", "greater than zero"),
        ("[tool.ensue]\nlease_seconds = -1.5", "greater than zero"),
        ("[tool.ensue]\nlease_seconds = inf", "greater than zero"),
        ("[tool.ensue]\nlease_seconds = 5", "at least twice heartbeat_seconds"),
        ("[tool.ensue]\nlog_level = 'loud'", "not a log level"),
        ("[tool.ensue]\napp_id = 'a b'", "letters, digits"),
        ("[tool]\nensue = 3", "is not a table"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        resolve(environ={}, directory=tmp_path)
    assert says in str(raised.value)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"ENSUE_THREAD_SLOTS": "many"}, "ENSUE_THREAD_SLOTS is 'many', not a whole number: write 16"),
        ({"ENSUE_LEASE_SECONDS": "nan"}, "ENSUE_LEASE_SECONDS is nan"),
        ({"ENSUE_LOG_LEVEL": "loud"}, "ENSUE_LOG_LEVEL is 'loud'"),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(environ=variables, directory=tmp_path)
    assert says in str(raised.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"pyproject\.toml is not valid TOML"):
        resolve(environ={}, directory=tmp_path)


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'service'"):
        resolve(environ={}, directory=tmp_path, servise="x")


def test_misspelled_variables_are_found() -> None:
    assert unknown_variables({"ENSUE_URL": "memory:", "ENSUE_SERVCE": "x", "OTHER": "y"}) == [
        ("ENSUE_SERVCE", "did you mean ENSUE_SERVICE?")
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:se/cr@et@db.example:5432/shop", "postgresql://ada:***@db.example:5432/shop"),
        ("postgresql://:secret@db/shop", "postgresql://:***@db/shop"),
        ("kafka://b:9092/orders?sasl_password=secret&x=1", "kafka://b:9092/orders?sasl_password=***&x=1"),
        ("kafka://b?views=postgresql://ada:secret@db/x", "kafka://b?views=postgresql://ada:***@db/x"),
        ("sqlite:///news.db?synchronous=normal", "sqlite:///news.db?synchronous=normal"),
        ("postgresql://ada@db/shop", "postgresql://ada@db/shop"),
    ],
)
def test_passwords_are_hidden(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_a_password_in_a_wrong_setting_is_hidden(tmp_path: Path) -> None:
    write(tmp_path, "[tool.ensue]\nlog_level = 'postgresql://ada:secret@db'")
    with pytest.raises(ConfigError) as raised:
        resolve(environ={}, directory=tmp_path)
    assert "secret" not in str(raised.value)

"""URLs."""

from pathlib import Path

import pytest

from ensue_adapters.sqlite import open_store
from ensue_adapters.sqlite.filesystem import kind_of_mount, refuse_network
from ensue_adapters.sqlite.url import parse_url
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import ConfigError, StoreUnavailable


def test_three_slashes_are_relative_and_four_are_absolute() -> None:
    assert parse_url("sqlite:///news.db").path == Path("news.db")
    assert parse_url("sqlite:////srv/my%20news.db").path == Path("/srv/my news.db")


def test_options_are_read() -> None:
    place = parse_url("sqlite:///a.db?synchronous=NORMAL&busy=2.5&poll=1&hint=0&force_network=1")
    assert (place.synchronous, place.busy_seconds, place.poll_seconds) == ("normal", 2.5, 1.0)
    assert (place.hint, place.force_network) == (False, True)
    assert parse_url("sqlite:///a.db").synchronous == "full"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///:memory:", "memory:"),
        ("sqlite://news.db", "sqlite:///news.db"),
        ("sqlite:///", "names no file"),
        ("sqlite:////srv/", "names no file"),
        ("sqlite:///a.db?sync=1", "'sync'"),
        ("sqlite:///a.db?synchronous=off", "'off'"),
        ("sqlite:///a.db?busy=0", "'busy'"),
        ("sqlite:///a.db?poll=soon", "'soon'"),
        ("sqlite:///a.db?hint=maybe", "'maybe'"),
    ],
)
def test_a_bad_url_says_what_to_write(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        open_store(url, "test", SYSTEM_CLOCK)


def test_the_deepest_mount_says_which_file_system_it_is(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\nserver:/y /srv/my\\040disk ext4 rw 0 0\n")
    assert kind_of_mount(Path("/home"), mounts) == "ext4"
    assert kind_of_mount(Path("/srv/data"), mounts) == "nfs4"
    assert kind_of_mount(Path("/srv/my disk/data"), mounts) == "ext4"
    assert kind_of_mount(Path("/srv/data"), tmp_path / "missing") == ""


def test_a_network_file_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def nfs(_: Path) -> str:
        return "nfs4"

    monkeypatch.setattr("ensue_adapters.sqlite.filesystem.kind_of_mount", nfs)
    with pytest.raises(StoreUnavailable, match="force_network"):
        refuse_network(Path("/srv/news.db"))

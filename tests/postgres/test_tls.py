"""With TLS: verified wherever the URL does not say otherwise, and as safe to cancel as without."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ensue.testing.conformance.drafts import event
from ensue_core.errors import StoreUnavailable
from tests.postgres.stores import codes, opened
from tests.postgres.test_lost import test_cancelled_callers_leak_nothing as cancel_callers
from tests.servers.postgres import SETTINGS, Server, local, system_binaries, unprivileged


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and nobody else, which is its own authority."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    for each in (folder, *folder.parents[:3]):
        each.chmod(0o755)
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    account = unprivileged()
    if account.user is not None:
        shutil.chown(folder / "key.pem", account.user, account.group)
    (folder / "key.pem").chmod(0o600)
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[Server]:
    """A server that speaks TLS: the wheel's cannot."""
    if not system_binaries():
        pytest.skip("needs a system Postgres, which speaks TLS")
    key = certificate.with_name("key.pem")
    settings = (*SETTINGS, "ssl=on", f"ssl_cert_file={certificate}", f"ssl_key_file={key}")
    with local(system_binaries()[0], settings) as server:
        yield server


async def test_a_verified_connection_works(secure: Server, certificate: Path) -> None:
    async with opened(secure.url, f"?sslmode=verify-full&sslrootcert={certificate}&schema=verified") as store:
        await store.log.append([event("a")])
        assert await codes(store) == ["a"]


async def test_a_certificate_of_nobody_known_is_refused(secure: Server) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be trusted .*: name its authority with sslrootcert="):
        await opened(secure.url, "?sslmode=verify-full").__aenter__()


async def test_a_certificate_for_another_host_is_refused(secure: Server, certificate: Path) -> None:
    url = secure.url.replace("127.0.0.1", "localhost")
    with pytest.raises(StoreUnavailable, match="cannot be trusted"):
        await opened(url, f"?sslmode=verify-full&sslrootcert={certificate}").__aenter__()
    async with opened(url, f"?sslmode=verify-ca&sslrootcert={certificate}&schema=ca") as store:
        await store.log.append([event()])


async def test_only_a_named_mode_goes_unverified(secure: Server) -> None:
    async with opened(secure.url, "?sslmode=require&schema=required") as store:
        await store.log.append([event()])


async def test_cancelled_callers_leak_nothing_over_tls(secure: Server, certificate: Path) -> None:
    await cancel_callers(f"{secure.url}?schema=cancelled&sslmode=verify-full&sslrootcert={certificate}")

"""Connections: the certificates that they trust, and the proxies that they use."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from parallel_provider.api import ConnectionFailedError, NoAnswerError, RetryPolicy
from parallel_provider.errors import SettingsError
from parallel_provider.http import CERTIFICATE_VARIABLES, tls_context
from tests.api.raw_server import raw_server, whole
from tests.lifecycle.runs import api_at


def test_plain_http_trusts_nobody_and_https_checks_names() -> None:
    """Certificates are loaded for https only; every certificate is checked."""
    plain, secure = tls_context("http://127.0.0.1:1"), tls_context("https://api.example")
    assert plain.get_ca_certs() == []
    assert secure.get_ca_certs()
    for context in (plain, secure):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


@pytest.fixture
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what names certificates."""
    for name in CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_certificates")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_take_the_usual_ones_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """A company's proxy has an authority of its own. Python's variables come before the others."""
    end = "-----END CERTIFICATE-----"
    own = tmp_path / "own.pem"
    own.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end)
    monkeypatch.setenv("CURL_CA_BUNDLE", "/missing")
    monkeypatch.setenv(variable, str(own))
    assert len(tls_context("https://api.example").get_ca_certs()) == 1
    monkeypatch.setenv(variable, "")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    assert len(tls_context("https://api.example").get_ca_certs()) > 1


@pytest.mark.usefixtures("no_certificates")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_cannot_be_used_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """The error has the variable and the path, for a missing file and for one that is no PEM."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for path in (tmp_path / "missing.pem", empty):
        monkeypatch.setenv(variable, str(path))
        with pytest.raises(SettingsError, match=f"{variable}={path} can't be used"):
            tls_context("https://api.example")


@pytest.mark.usefixtures("no_certificates")
def test_unknown_authority_names_the_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error says what to set, and what is set."""
    own = tmp_path / "own.pem"
    own.write_text(Path(certifi.where()).read_text(encoding="utf-8"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
    real = socket.getaddrinfo

    def here(host: str, *where: int, **options: int) -> list[object]:
        return [*real("127.0.0.1" if host == "api.invalid" else host, *where, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with (
        tls_server(tmp_path) as port,
        api_at(f"https://api.invalid:{port}", retry_policy=RetryPolicy(attempts=1)) as api,
        pytest.raises(ConnectionFailedError) as caught,
    ):
        api.list_apps()
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert f"SSL_CERT_FILE or REQUESTS_CA_BUNDLE (now it is REQUESTS_CA_BUNDLE={own})" in str(
        caught.value
    )


@contextlib.contextmanager
def tls_server(folder: Path) -> Iterator[int]:
    """Serve TLS with a certificate that nobody has signed; give the port."""
    pem = folder / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=api.invalid", "-keyout", str(pem), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", pem)

    def answer() -> None:
        with contextlib.suppress(OSError):
            context.wrap_socket(listener.accept()[0], server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("environment", "is_used"),
    [
        ({"HTTPS_PROXY": "PROXY"}, True),
        ({"ALL_PROXY": "PROXY"}, True),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "other.invalid"}, True),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "invalid"}, False),
        ({"HTTPS_PROXY": "PROXY", "NO_PROXY": "*"}, False),
        ({"HTTP_PROXY": "PROXY"}, False),
    ],
)
def test_proxy_of_the_environment_is_used_where_it_says_so(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, is_used: bool
) -> None:
    """The proxy gets a CONNECT and refuses it, so the request was never sent."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with raw_server(lambda _: [whole(b"", "407 Proxy Authentication Required")]) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
        with (
            api_at("https://api.invalid", retry_policy=RetryPolicy(attempts=1)) as api,
            pytest.raises(ConnectionFailedError, match=r"407 Proxy" if is_used else "reached") as e,
        ):
            api.create_app("search")
    address = proxy.url.partition("//")[2]
    assert (f"the proxy {address} refused the connection" in str(e.value)) is is_used

    assert proxy.requests == (["CONNECT api.invalid:443 HTTP/1.1"] if is_used else [])


def test_proxy_that_says_nothing_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit includes the connection to the proxy."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    def say_nothing(_: str) -> Iterator[bytes]:
        proxy.closing.wait(20)
        yield b""

    with raw_server(say_nothing) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            api_at(
                "https://api.invalid", retry_policy=RetryPolicy(attempts=1, deadline_seconds=1.0)
            ) as api,
            pytest.raises(NoAnswerError, match="timed out"),
        ):
            api.create_app("search")
    assert proxy.requests == ["CONNECT api.invalid:443 HTTP/1.1"]


def test_address_that_does_not_answer_leaves_time_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host may have an address that doesn't answer, as IPv6 ones often do."""
    with silent_port() as silent, raw_server(lambda _: [whole(b'{"apps": []}')]) as server:
        real = socket.getaddrinfo
        port = int(server.url.rpartition(":")[2])

        def two_addresses(host: str, *where: int, **options: int) -> list[object]:
            ports = [silent, port] if host == "localhost" else where[:1]
            found = [real("127.0.0.1", one, *where[1:], **options) for one in ports]
            return list(itertools.chain(*found))

        with api_at(
            f"http://localhost:{port}", retry_policy=RetryPolicy(attempts=1, deadline_seconds=6.0)
        ) as api:
            monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
            assert api.list_apps() == []


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Give a port at which connections are neither accepted nor refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]

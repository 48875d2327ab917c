"""Connections: as few as there are threads, and only to whom they are meant for."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from parallel_provider.api import AccountApi, ConnectionFailedError, NoAnswerError
from parallel_provider.api.retries import Patience
from parallel_provider.http_client import tls_context
from parallel_provider.testing.emulator import Emulator
from tests.api.raw_server import endless, raw_server, whole
from tests.lifecycle.runs import api_at

THREADS = 4
CALLS = 5


def test_each_thread_keeps_one_connection(api: AccountApi, emulator: Emulator) -> None:
    """A handshake for each request would take longer than the request."""
    together = threading.Barrier(THREADS, timeout=30)

    def call_often(_: int) -> None:
        together.wait()
        for _ in range(CALLS):
            api.get_balance()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call_often, range(THREADS)))

    log = emulator.state()["log"]
    assert len(log) == THREADS * CALLS
    assert len({entry["client_port"] for entry in log}) == THREADS


def test_connection_that_the_server_closed_is_opened_again(
    api: AccountApi, emulator: Emulator
) -> None:
    """A server closes what is idle for long; the next request doesn't fail of it."""
    api.get_balance()
    emulator.add_fault("drop_before", path="/service/v1/apps")
    api.list_apps()
    api.create_app("after")

    assert len({entry["client_port"] for entry in emulator.state()["log"]}) > 1


def test_plain_http_trusts_nobody_and_https_checks_names() -> None:
    """Certificates are loaded where they count; nothing is ever accepted unchecked."""
    plain, secure = tls_context("http://127.0.0.1:1"), tls_context("https://api.example")
    assert plain.get_ca_certs() == []
    assert secure.get_ca_certs()
    for context in (plain, secure):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


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
    """A proxy that refuses has been asked to connect, and the request was never sent."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with raw_server(lambda _: [whole(b"", "407 Proxy Authentication Required")]) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
        with (
            api_at("https://api.invalid", patience=Patience(attempts=1)) as api,
            pytest.raises(ConnectionFailedError, match=r"407 Proxy" if is_used else "reached"),
        ):
            api.create_app("search")

    assert proxy.requests == (["CONNECT api.invalid:443 HTTP/1.1"] if is_used else [])


def test_proxy_that_answers_drop_by_drop_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit counts for the way there too."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with raw_server(lambda _: proxy.slowly(endless(b"H"))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            api_at(
                "https://api.invalid", patience=Patience(attempts=1, deadline_seconds=1.0)
            ) as api,
            pytest.raises(NoAnswerError),
        ):
            api.create_app("search")


def test_address_that_does_not_answer_leaves_time_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host may have an address that leads nowhere, as IPv6 often does."""
    with raw_server(lambda _: [whole(b'{"apps": []}')]) as server:
        real = socket.getaddrinfo

        def two_addresses(host: str, *where: int, **options: int) -> list[object]:
            addresses = ["127.0.0.9", "127.0.0.1"] if host == "localhost" else [host]
            return [found for one in addresses for found in real(one, *where, **options)]

        with api_at(server.url.replace("127.0.0.1", "localhost")) as api:
            monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
            assert api.list_apps() == []


def test_import_of_httpx_is_left_as_it_is() -> None:
    """Its command line isn't loaded for us, and a program that wants it can still have it."""
    program = (
        "import sys\n"
        "from parallel_provider.api import AccountApi\n"
        "from parallel_provider.errors import ConnectionFailedError\n"
        "import parallel_provider.api.retries as retries\n"
        "def auth():\n"
        "    import httpx\n"
        "    return httpx.Auth()\n"
        "api = AccountApi('http://127.0.0.1:9', auth, patience=retries.Patience(attempts=1))\n"
        "try:\n"
        "    api.list_apps()\n"
        "except ConnectionFailedError:\n"
        "    pass\n"
        "assert 'httpx' in sys.modules and 'rich' not in sys.modules\n"
        "assert 'httpx._main' not in sys.modules\n"
        "import httpx._main\n"
        "assert httpx._main.main\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

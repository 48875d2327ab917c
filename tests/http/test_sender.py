"""Connections: the certificates that they trust, and the proxies that they use."""

from __future__ import annotations

import socket
import ssl

import pytest

from parallel_provider.api import ConnectionFailedError, NoAnswerError
from parallel_provider.api.timing import RetryPolicy
from parallel_provider.http.sender import tls_context
from tests.api.raw_server import endless, raw_server, whole
from tests.lifecycle.runs import api_at


def test_plain_http_trusts_nobody_and_https_checks_names() -> None:
    """Certificates are loaded for https only; every certificate is checked."""
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
    """The proxy gets a CONNECT and refuses it, so the request was never sent."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with raw_server(lambda _: [whole(b"", "407 Proxy Authentication Required")]) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
        with (
            api_at("https://api.invalid", retry_policy=RetryPolicy(attempts=1)) as api,
            pytest.raises(ConnectionFailedError, match=r"407 Proxy" if is_used else "reached"),
        ):
            api.create_app("search")

    assert proxy.requests == (["CONNECT api.invalid:443 HTTP/1.1"] if is_used else [])


def test_proxy_that_answers_drop_by_drop_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit includes the connection to the proxy."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with raw_server(lambda _: proxy.slowly(endless(b"H"))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with (
            api_at(
                "https://api.invalid", retry_policy=RetryPolicy(attempts=1, deadline_seconds=1.0)
            ) as api,
            pytest.raises(NoAnswerError),
        ):
            api.create_app("search")


def test_address_that_does_not_answer_leaves_time_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host may have an address that doesn't answer, as IPv6 ones often do."""
    with raw_server(lambda _: [whole(b'{"apps": []}')]) as server:
        real = socket.getaddrinfo

        def two_addresses(host: str, *where: int, **options: int) -> list[object]:
            addresses = ["127.0.0.9", "127.0.0.1"] if host == "localhost" else [host]
            return [found for one in addresses for found in real(one, *where, **options)]

        with api_at(server.url.replace("127.0.0.1", "localhost")) as api:
            monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
            assert api.list_apps() == []

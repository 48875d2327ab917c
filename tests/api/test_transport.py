"""Connections: as few as there are threads, and only to whom they are meant for."""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

from parallel_provider.api import AccountApi
from parallel_provider.http_client import tls_context
from parallel_provider.testing.emulator import Emulator

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

"""Connections of the client: one for each thread, opened when they are needed."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from parallel_provider.api import AccountApi
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
    """A server closes idle connections; the next request still works."""
    api.get_balance()
    emulator.add_fault("drop_before", path="/service/v1/apps")
    api.list_apps()
    api.create_app("after")

    assert len({entry["client_port"] for entry in emulator.state()["log"]}) > 1


def test_import_of_httpx_is_left_as_it_is() -> None:
    """Our import doesn't load httpx's command line, and a program can still import it."""
    program = (
        "import sys\n"
        "from parallel_provider.api import AccountApi\n"
        "from parallel_provider.errors import ConnectionFailedError\n"
        "from parallel_provider.api import RetryPolicy\n"
        "def auth():\n"
        "    import httpx\n"
        "    return httpx.Auth()\n"
        "api = AccountApi('http://127.0.0.1:9', auth, retry_policy=RetryPolicy(attempts=1))\n"
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

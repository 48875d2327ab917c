"""Web pages elsewhere can't reach the emulator through a person's browser."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

STATE = "/_emulator/state"
RESET = "/_emulator/reset"


@pytest.mark.parametrize("path", [STATE, "/", "/getServiceKeys/device", "/service/v1/apps"])
@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "10.0.0.1", ""])
def test_other_host_names_are_misdirected(anonymous: httpx.Client, path: str, host: str) -> None:
    """A name that somebody points to this machine isn't this machine's."""
    assert anonymous.get(path, headers={"Host": host}).status_code == 421


def test_every_name_of_loopback_is_answered(anonymous: httpx.Client, emulator: Emulator) -> None:
    """All ways to say this machine are fine."""
    port = urlsplit(emulator.url).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "127.0.0.1"):
        assert anonymous.get(STATE, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_requests_from_other_origins_are_refused(
    anonymous: httpx.Client, headers: dict[str, str]
) -> None:
    """Neither what changes something nor what tells everything is open to them."""
    assert anonymous.post(RESET, headers=headers).status_code == 403
    assert anonymous.get(STATE, headers=headers).status_code == 403


def test_requests_of_its_own_pages_are_answered(
    anonymous: httpx.Client, emulator: Emulator
) -> None:
    """The live page asks from the emulator's own origin."""
    headers = {"Origin": emulator.url, "Sec-Fetch-Site": "same-origin"}
    assert anonymous.post(RESET, headers=headers).status_code == 200


def test_link_from_elsewhere_may_lead_to_the_approval_page(anonymous: httpx.Client) -> None:
    """Following a link is what the address is for; only acting from elsewhere is refused."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert anonymous.get("/getServiceKeys/device", headers=headers).status_code == 200

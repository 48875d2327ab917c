"""The search for secrets: every kind is found, wherever it stands, and nothing else."""

from __future__ import annotations

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.emulator.conftest import OAuthProgram

NOTHING = "e30.e30.test and no token, " + "x" * 500


@pytest.fixture
def raw_key(http: httpx.Client, app_id: str) -> str:
    """Return a raw key."""
    answer = http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"})
    return str(answer.raise_for_status().json()["raw_api_key"])


@pytest.mark.parametrize("around", ["", "=", "x", "-_9"])
def test_raw_key_is_found_wherever_it_stands(emulator: Emulator, raw_key: str, around: str) -> None:
    """Also in the middle of other letters: only its hash is known, so every place is tried."""
    assert emulator.leaks_in(f"{NOTHING} {around}{raw_key}{around} {NOTHING}") == ["raw_api_key"]


def test_part_of_a_raw_key_is_none(emulator: Emulator, raw_key: str) -> None:
    """The last letters are shown to people, in the console and in the state."""
    assert emulator.leaks_in(f"{NOTHING} {raw_key[:-1]} {raw_key[1:]} {raw_key[-4:]}") == []


def test_every_token_and_code_is_found(emulator: Emulator, anonymous: httpx.Client) -> None:
    """Those of another organization and those that were used up as well."""
    emulator.set_settings(auto_approve=True)
    program = OAuthProgram(anonymous)
    code = program.begin()
    tokens = program.redeem(code).json()
    program.refresh(tokens)

    assert emulator.leaks_in(NOTHING) == []
    assert emulator.leaks_in(f"a {emulator.access_token}") == ["access_token"]
    assert emulator.leaks_in(f"{emulator.add_org()['access_token']}\n") == ["access_token"]
    assert emulator.leaks_in(f"x{tokens['refresh_token']}x") == ["refresh_token"]
    assert emulator.leaks_in(f"{code['device_code']} {tokens['access_token']}") == [
        "access_token",
        "device_code",
    ]

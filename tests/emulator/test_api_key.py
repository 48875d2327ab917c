"""API keys, over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from uuid import uuid4

import httpx
import pytest

from parallel_provider.emulator.server import create_app
from parallel_provider.testing.emulator import Emulator


def _create(http: httpx.Client, app_id: str, name: str = "ci") -> httpx.Response:
    return http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": name})


def test_create_returns_the_key_and_its_creator(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """The answer has every field of the API's OpenAPI file."""
    emulator.set_clock(-1_000)
    key = _create(http, app_id).raise_for_status().json()
    assert key["api_key_name"] == "ci"
    assert (key["app_id"], key["app_name"]) == (app_id, "search")
    assert "@" in key["created_by_user_email"]
    assert key["raw_api_key"].endswith(key["display_value"].lstrip("."))
    assert isinstance(key["created_at"], int)
    assert key["created_at"] == pytest.approx(emulator.state()["clock"]["now"], abs=5)


def test_raw_key_is_given_once_and_kept_nowhere() -> None:
    """After the answer, the emulator has only a hash of the key."""
    application = create_app()
    organization = application.state.emulator.organizations[0]
    headers = {"Authorization": f"Bearer {application.state.emulator.access_token}"}
    (app_id,) = organization.apps

    async def create() -> str:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            body = {"api_key_name": "ci"}
            answer = await client.post(
                f"/service/v1/apps/{app_id}/keys", json=body, headers=headers
            )
            return str(answer.raise_for_status().json()["raw_api_key"])

    raw_api_key = asyncio.run(create())
    (key,) = organization.keys.values()
    assert key.raw_api_key_sha256 == hashlib.sha256(raw_api_key.encode()).hexdigest()
    assert raw_api_key not in repr(organization)
    assert raw_api_key not in repr(application.state.emulator.log)


def test_revoked_key_stays_in_the_state_with_its_time(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """Tests can see every key that was ever created."""
    key_id = _create(http, app_id).json()["api_key_id"]
    assert emulator.state()["keys"][0]["revoked_at"] is None
    assert http.delete(f"/service/v1/apps/{app_id}/keys/{key_id}").status_code == 200
    (key,) = emulator.state()["keys"]
    assert key["api_key_id"] == key_id
    assert key["revoked_at"] == pytest.approx(key["created_at"], abs=5)


def test_revoking_twice_or_under_another_app_is_not_found(http: httpx.Client, app_id: str) -> None:
    """A key is found only under its own app, and only until it is revoked."""
    other = http.post("/service/v1/apps", json={"app_name": "other"}).json()["app_id"]
    key_id = _create(http, app_id).json()["api_key_id"]
    assert http.delete(f"/service/v1/apps/{other}/keys/{key_id}").status_code == 404
    assert http.delete(f"/service/v1/apps/{app_id}/keys/{key_id}").status_code == 200
    again = http.delete(f"/service/v1/apps/{app_id}/keys/{key_id}")
    assert (again.status_code, again.json()) == (404, {"detail": "API key not found"})


def test_key_for_an_unknown_app_is_not_found(http: httpx.Client) -> None:
    """A key needs an app that exists."""
    answer = _create(http, str(uuid4()))
    assert (answer.status_code, answer.json()) == (404, {"detail": "App not found"})


def test_second_key_of_the_same_name_is_another_key(http: httpx.Client, app_id: str) -> None:
    """Several keys may have one name."""
    keys = [_create(http, app_id).json() for _ in range(2)]
    assert len({key["api_key_id"] for key in keys}) == 2
    assert len({key["raw_api_key"] for key in keys}) == 2

"""API keys, over HTTP."""

from __future__ import annotations

import httpx
import pytest

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


def test_revoking_twice_or_under_another_app_is_not_found(http: httpx.Client, app_id: str) -> None:
    """A key is found only under its own app, and only until it is revoked."""
    other = http.post("/service/v1/apps", json={"app_name": "other"}).json()["app_id"]
    key_id = _create(http, app_id).json()["api_key_id"]
    assert http.delete(f"/service/v1/apps/{other}/keys/{key_id}").status_code == 404
    assert http.delete(f"/service/v1/apps/{app_id}/keys/{key_id}").status_code == 200
    again = http.delete(f"/service/v1/apps/{app_id}/keys/{key_id}")
    assert (again.status_code, again.json()) == (404, {"detail": "API key not found"})

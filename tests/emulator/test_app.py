"""Apps, over HTTP."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator


def _app_names(http: httpx.Client) -> list[str]:
    return [app["app_name"] for app in http.get("/service/v1/apps").json()["apps"]]


def test_create_returns_only_the_id_and_the_list_has_the_rest(
    http: httpx.Client, emulator: Emulator
) -> None:
    """The list is the only read of an app."""
    created = http.post("/service/v1/apps", json={"app_name": "search"})
    assert created.status_code == 200
    assert set(created.json()) == {"app_id"}
    UUID(created.json()["app_id"])
    assert http.get("/service/v1/apps").json()["apps"][1] == {
        "app_id": created.json()["app_id"],
        "app_name": "search",
        "org_id": emulator.org_id,
        "org_name": "Example Organization",
    }


@pytest.mark.parametrize(
    "app_name",
    ["", " padded ", "line\nbreak\x00", "\u202edesrever", "x" * 10_000, "../'; DROP--", "日本"],
)
def test_name_is_kept_as_it_was_sent(http: httpx.Client, app_name: str) -> None:
    """The name isn't trimmed or changed, and two apps may have it."""
    created = [http.post("/service/v1/apps", json={"app_name": app_name}) for _ in range(2)]
    assert len({answer.json()["app_id"] for answer in created}) == 2
    assert _app_names(http)[1:] == [app_name] * 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "app_name"),
        (b'{"app_name": 3}', "app_name"),
        (b'{"app_name": null}', "app_name"),
        (b'{"app_name": "\\ud800"}', "app_name"),
        (b"[]", "body"),
    ],
)
def test_bad_body_is_refused_with_the_field_named(
    http: httpx.Client, body: bytes, field: str
) -> None:
    """A 422 names the field, and doesn't repeat its value."""
    answer = http.post(
        "/service/v1/apps", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert set(problem) == {"loc", "msg", "type"}
    assert problem["loc"][-1] == field


def test_deleted_app_is_gone_and_its_keys_are_revoked(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """Deleting an app revokes its keys."""
    http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"}).raise_for_status()
    assert http.delete(f"/service/v1/apps/{app_id}").status_code == 200
    assert _app_names(http) == ["parallel-cli Users"]
    (key,) = emulator.state()["keys"]
    assert key["revoked_at"] is not None


def test_delete_of_an_unknown_app_is_not_found(http: httpx.Client, app_id: str) -> None:
    """A deleted app and one that never existed get the same 404."""
    http.delete(f"/service/v1/apps/{app_id}").raise_for_status()
    for unknown in (app_id, str(uuid4())):
        answer = http.delete(f"/service/v1/apps/{unknown}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "App not found"}

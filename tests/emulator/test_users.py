"""Several users in one organization: administrators and members."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from parallel_provider.emulator.control_models import NewUserState
    from tests.emulator.conftest import OAuthProgram

APPS = "/service/v1/apps"


@pytest.fixture
def client_of(emulator: Emulator) -> Iterator[Callable[[NewUserState], httpx.Client]]:
    """Give a function that returns an HTTP client with a user's access token."""
    with ExitStack() as stack:

        def client(user: NewUserState) -> httpx.Client:
            headers = {"Authorization": f"Bearer {user['access_token']}"}
            return stack.enter_context(
                httpx.Client(base_url=emulator.url, headers=headers, trust_env=False)
            )

        yield client


def _create_key(http: httpx.Client, app_id: str) -> dict[str, Any]:
    answer = http.post(f"{APPS}/{app_id}/keys", json={"api_key_name": "ci"})
    return dict(answer.raise_for_status().json())


def _revoke(http: httpx.Client, key: dict[str, Any]) -> httpx.Response:
    return http.delete(f"{APPS}/{key['app_id']}/keys/{key['api_key_id']}")


def _user_id_in(tokens: dict[str, Any]) -> str:
    claims = tokens["access_token"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"])


def test_organization_starts_with_one_administrator(emulator: Emulator) -> None:
    """Added users are members, unless the request says otherwise."""
    member = emulator.add_user()
    administrator = emulator.add_user(user_email="boss@example.com", role="administrator")
    users = emulator.state()["users"]
    assert [(user["user_email"], user["role"]) for user in users] == [
        ("person@example.com", "administrator"),
        ("person2@example.com", "member"),
        ("boss@example.com", "administrator"),
    ]
    assert [user["user_id"] for user in users[1:]] == [member["user_id"], administrator["user_id"]]
    emulator.reset()
    assert len(emulator.state()["users"]) == 1


def test_member_revokes_only_keys_that_the_member_created(
    http: httpx.Client, client_of: Callable[..., httpx.Client], emulator: Emulator, app_id: str
) -> None:
    """A refused key still works, whoever else created it."""
    member, other = client_of(emulator.add_user()), client_of(emulator.add_user())
    own, of_other, of_administrator = (
        _create_key(creator, app_id) for creator in (member, other, http)
    )
    assert _revoke(member, own).status_code == 200
    for key in (of_other, of_administrator):
        refused = _revoke(member, key)
        assert refused.status_code == 403
        assert "administrator" in refused.json()["detail"]
    working = [key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None]
    assert working == [of_other["api_key_id"], of_administrator["api_key_id"]]
    assert _revoke(other, own).status_code == 404


def test_member_lists_own_apps_unless_the_setting_says_otherwise(
    http: httpx.Client, client_of: Callable[..., httpx.Client], emulator: Emulator, app_id: str
) -> None:
    """Apps of others exist but aren't listed. Administrators list all."""
    member = client_of(emulator.add_user())
    own = member.post(APPS, json={"app_name": "own"}).json()["app_id"]

    def listed(client: httpx.Client) -> list[str]:
        return [app["app_id"] for app in client.get(APPS).json()["apps"]]

    assert listed(member) == [own]
    assert listed(http)[1:] == [app_id, own]
    assert _create_key(member, app_id)["app_id"] == app_id
    emulator.set_settings(members_list_own_apps=False)
    assert listed(member) == listed(http)


def test_member_deletes_own_apps_only(
    http: httpx.Client, client_of: Callable[..., httpx.Client], emulator: Emulator, app_id: str
) -> None:
    """An administrator deletes all."""
    member = client_of(emulator.add_user())
    own = member.post(APPS, json={"app_name": "own"}).json()["app_id"]
    refused = member.delete(f"{APPS}/{app_id}")
    assert refused.status_code == 403
    assert "administrator" in refused.json()["detail"]
    assert member.delete(f"{APPS}/{own}").status_code == 200
    assert http.delete(f"{APPS}/{app_id}").status_code == 200


def test_user_can_be_chosen_for_a_token_and_for_a_decision(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Refreshed tokens act for the same user."""
    user_id = emulator.add_user()["user_id"]
    assert _user_id_in({"access_token": emulator.mint_token(user_id=user_id)}) == user_id
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve", user_id=user_id)
    tokens = program.redeem(code).raise_for_status().json()
    assert _user_id_in(tokens) == user_id
    assert _user_id_in(program.refresh(tokens).json()) == user_id


@pytest.mark.parametrize("approved_by", ["setting", "control", "page"])
def test_user_of_the_settings_signs_in(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator, approved_by: str
) -> None:
    """All ways to approve a sign-in use the setting, if nobody is chosen."""
    user_id = emulator.add_user()["user_id"]
    emulator.set_settings(sign_in_user_id=user_id, auto_approve=approved_by == "setting")
    code = program.start()
    if approved_by == "control":
        emulator.decide_sign_in(code["user_code"], "approve")
    if approved_by == "page":
        page = anonymous.get(code["verification_uri_complete"]).text
        assert "Example Organization: person2@example.com, member" in page
        assert f'<option value="{user_id}" selected>' in page
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        form |= {"decision": "approve", "user_id": user_id}
        anonymous.post("/getServiceKeys/device", data=form)
    assert _user_id_in(program.redeem(code).raise_for_status().json()) == user_id


def test_first_user_of_another_organization_signs_in_there(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """The user of the settings doesn't belong to it."""
    emulator.set_settings(sign_in_user_id=emulator.add_user()["user_id"])
    other = emulator.add_org()
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve", org_id=other["org_id"])
    tokens = program.redeem(code).json()
    (user,) = emulator.state(other["org_id"])["users"]
    assert (tokens["org_id"], _user_id_in(tokens)) == (other["org_id"], user["user_id"])


def test_unknown_user_is_refused(program: OAuthProgram, emulator: Emulator) -> None:
    """A user of another organization is unknown, too."""
    other = emulator.add_org()["org_id"]
    member = emulator.add_user()["user_id"]
    code = program.start()["user_code"]
    for refused in (
        lambda: emulator.mint_token(user_id="nobody"),
        lambda: emulator.mint_token(user_id=member, org_id=other),
        lambda: emulator.set_settings(sign_in_user_id="nobody"),
        lambda: emulator.decide_sign_in(code, "approve", user_id="nobody"),
        lambda: emulator.decide_sign_in(code, "approve", user_id=member, org_id=other),
    ):
        with pytest.raises(ValueError, match="No such user"):
            refused()

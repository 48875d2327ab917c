"""The content of the sign-in file, and the fields that are always kept."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from parallel_provider.credentials.oauth_models import TokenGrant
from parallel_provider.credentials.sign_in_document import (
    Document,
    StoredTokens,
    UnusableDocumentError,
)
from parallel_provider.errors import CredentialsError

NOW = 1_000_000.5
HOUR = 3600
DAY = 24 * HOUR
GRANT = TokenGrant(
    access_token=SecretStr("new-access"),
    expires_in=420,
    refresh_token=SecretStr("new-refresh"),
    refresh_token_expires_in=3600,
    authorization_expires_in=7200,
    org_id="org_1",
    org_name="One",
    scope="apps:read keys:read",
)
RAW: dict[str, Any] = {
    "version": 1,
    "selected_org_id": "org_1",
    "client_id": "client_1",
    "future": {"deep": [1, None, "x"]},
    "orgs": {
        "org_1": {
            "api_key": "data-key",
            "org_name": "Old name",
            "future": 1,
            "control_api": {
                "access_token": "old-access",
                "access_token_expires_at": 5,
                "access_token_scopes": None,
                "refresh_token": "old-refresh",
                "future": True,
            },
        },
        "org_2": {"api_key": None, "control_api": {"refresh_token": "other"}},
        "org_3": {"api_key": "key only", "control_api": None},
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
unknown_fields = st.dictionaries(st.text().map("x-{}".format), json_values, max_size=3)


def test_refreshed_document_has_the_new_pair() -> None:
    """A grant sets all of an organization's tokens, as whole epoch seconds."""
    document = Document.from_raw(RAW).with_grant("org_1", GRANT, NOW)
    assert document.raw["orgs"]["org_1"] == {
        "api_key": "data-key",
        "org_name": "One",
        "future": 1,
        "control_api": {
            "access_token": "new-access",
            "access_token_expires_at": 1_000_420,
            "access_token_scopes": ["apps:read", "keys:read"],
            "refresh_token": "new-refresh",
            "refresh_token_expires_at": 1_003_600,
            "authorization_expires_at": 1_007_200,
            "future": True,
        },
    }


@given(top=unknown_fields, org=unknown_fields, tokens=unknown_fields)
def test_unknown_fields_survive_at_every_level(
    top: dict[str, Any], org: dict[str, Any], tokens: dict[str, Any]
) -> None:
    """Fields of a later version of the official client are kept by a refresh and a sign-in."""
    raw = copy.deepcopy(RAW)
    raw |= top
    raw["orgs"]["org_1"] |= org
    raw["orgs"]["org_1"]["control_api"] |= tokens
    before = copy.deepcopy(raw)
    document = Document.from_raw(raw).with_sign_in("client_2", "org_1", GRANT, NOW)
    after = Document.parse(document.dump()).raw
    assert top.items() <= after.items()
    assert org.items() <= after["orgs"]["org_1"].items()
    assert tokens.items() <= after["orgs"]["org_1"]["control_api"].items()
    assert after["orgs"]["org_2"] == before["orgs"]["org_2"]
    assert raw == before


def test_sign_in_selects_its_organization_and_client() -> None:
    """A sign-in to a new organization is added and selected."""
    grant = GRANT.model_copy(update={"org_id": "org_9"})
    document = Document.from_raw(RAW).with_sign_in("client_2", "org_9", grant, NOW)
    assert document.selected_org_id == "org_9"
    assert document.client_id == "client_2"
    assert set(document.orgs) == {"org_1", "org_2", "org_3", "org_9"}


def test_refresh_without_a_new_refresh_token_keeps_the_old_one() -> None:
    """RFC 6749 lets a server leave it out."""
    grant = GRANT.model_copy(update={"refresh_token": None})
    tokens = Document.from_raw(RAW).with_grant("org_1", grant, NOW).tokens("org_1")
    assert tokens.refresh_token == SecretStr("old-refresh")


def test_sign_out_keeps_the_data_key_and_the_others() -> None:
    """The official client's API key of the organization is kept."""
    document = Document.from_raw(RAW).without_sign_in("org_1")
    assert document.raw["orgs"]["org_1"]["api_key"] == "data-key"
    assert "control_api" not in document.raw["orgs"]["org_1"]
    assert document.raw["orgs"]["org_2"] == RAW["orgs"]["org_2"]


def test_sign_out_removes_an_organization_of_which_nothing_is_left() -> None:
    """Without a data key, it is removed. The only sign-in that is left is selected.

    With one, it stays selected: the official client goes on with the data key.
    """
    raw = {**RAW, "selected_org_id": "org_2"}
    document = Document.from_raw(raw).without_sign_in("org_2")
    assert set(document.orgs) == {"org_1", "org_3"}
    # The only sign-in that is left needs no choice.
    assert document.selected_org_id == "org_1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "damaged"),
        (b"[]", "damaged"),
        (b"\xff", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"{}", "isn't known"),
        (b'{"access_token": "old format"}', "isn't known"),
        (b'{"version": "1"}', "isn't known"),
        (b'{"version": true}', "isn't known"),
        (b'{"version": 0}', "isn't known"),
        (b'{"version": 2}', "newer format"),
        (b'{"version": 1, "orgs": []}', "damaged .orgs: "),
        (
            b'{"version": 1, "orgs": {"o": {"control_api": {"access_token": 5}}}}',
            r"damaged .*control_api.access_token: ",
        ),
    ],
)
def test_unusable_content_is_explained(content: bytes, reason: str) -> None:
    """Content that can't be read is never treated as an empty file."""
    with pytest.raises(UnusableDocumentError, match=reason):
        Document.parse(content)


@pytest.mark.parametrize("stored", ["5", -1, 1e300, 10**400, float("nan"), True])
def test_impossible_time_is_refused(stored: object) -> None:
    """Neither client writes one, so the file is damaged."""
    raw = copy.deepcopy(RAW)
    raw["orgs"]["org_1"]["control_api"]["refresh_token_expires_at"] = stored
    with pytest.raises(UnusableDocumentError, match=r"org_1.control_api.refresh_token_expires_at"):
        Document.parse(json.dumps(raw).encode())


def test_every_wrong_field_is_named() -> None:
    """The error names all wrong fields of the file, not only the first."""
    raw = copy.deepcopy(RAW)
    raw["client_id"] = 1
    raw["orgs"]["org_2"]["control_api"]["refresh_token"] = ["other"]
    with pytest.raises(UnusableDocumentError, match=r"orgs.org_2.*refresh_token") as caught:
        Document.parse(json.dumps(raw).encode())
    assert "client_id: " in str(caught.value)
    assert "other" not in str(caught.value)


def test_damaged_content_does_not_show_in_the_error() -> None:
    """The error names the wrong field, and shows no value."""
    raw = copy.deepcopy(RAW)
    raw["orgs"]["org_1"]["control_api"]["access_token_expires_at"] = "secret-in-a-wrong-place"
    with pytest.raises(UnusableDocumentError) as caught:
        Document.parse(json.dumps(raw).encode())
    assert "secret" not in str(caught.value)
    assert ".control_api.access_token_expires_at: " in str(caught.value)


def test_document_repr_hides_its_tokens() -> None:
    """The repr of a document shows no token and no key."""
    text = repr(Document.from_raw(RAW))
    assert not any(secret in text for secret in ("old-access", "old-refresh", "data-key"))


def test_selected_organization_is_the_default() -> None:
    """Without a setting, the selected organization is used."""
    assert Document.from_raw(RAW).choose_org(None) == "org_1"


def test_configured_organization_comes_before_the_selected_one() -> None:
    """The configured organization is used, though another one is selected."""
    assert Document.from_raw(RAW).choose_org("org_2", "PARALLEL_ORG_ID") == "org_2"


@pytest.mark.parametrize("org_id", ["org_3", "org_9"])
def test_organization_without_sign_in_is_refused(org_id: str) -> None:
    """The error names the setting and the stored sign-ins. A data key alone is no sign-in."""
    with pytest.raises(CredentialsError) as caught:
        Document.from_raw(RAW).choose_org(org_id, "parallel:orgId")
    text = str(caught.value)
    assert org_id in text
    assert "parallel:orgId" in text
    assert "org_1, org_2" in text
    assert "parallel-provider login" in text


def test_selected_organization_without_sign_in_is_refused() -> None:
    """No other organization is used in its place."""
    with pytest.raises(CredentialsError, match=r"org_1, org_2.*PARALLEL_ORG_ID"):
        Document.from_raw({**RAW, "selected_org_id": None}).choose_org(None)


def warning(
    *, authorization: float | None = None, refresh_token: float | None = None
) -> str | None:
    """Return the warning for a sign-in whose parts expire so many seconds from now."""
    tokens = StoredTokens(
        authorization_expires_at=None if authorization is None else NOW + authorization,
        refresh_token_expires_at=None if refresh_token is None else NOW + refresh_token,
    )
    return tokens.end_warning(NOW)


def test_distant_end_gives_no_warning() -> None:
    """There is no warning if the sign-in lasts for more than three days."""
    assert warning(authorization=90 * DAY, refresh_token=4 * DAY) is None


def test_unknown_end_gives_no_warning() -> None:
    """There is no warning if the server gave no times."""
    assert warning() is None


def test_near_end_of_the_authorization_gives_a_warning() -> None:
    """The warning has the time left, the date, and what to do."""
    text = warning(authorization=2 * DAY + HOUR, refresh_token=30 * DAY)
    assert text is not None
    assert "ends in 2 days (its authorization, 1970-01-14 14:46 UTC)" in text
    assert "parallel-provider login" in text


def test_earlier_of_two_ends_gives_the_warning() -> None:
    """If the refresh token expires first, the warning names it."""
    text = warning(authorization=2 * DAY, refresh_token=5 * HOUR)
    assert text is not None
    assert "ends in 5 hours (its refresh token" in text


def test_past_end_gives_a_warning_in_the_past_tense() -> None:
    """The warning says that the sign-in has ended."""
    text = warning(authorization=-1)
    assert text is not None
    assert "has ended" in text

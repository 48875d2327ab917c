"""Which source of access tokens is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from parallel_provider.credentials.chain import choose_source
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.errors import CredentialsError, SettingsError
from parallel_provider.settings import Settings

SAVE = "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND"
CONFIG = {"parallel:accessToken": "a.b.c", "parallel:tokenCommand": "vault read"}
ENVIRONMENT = {
    "PARALLEL_ACCESS_TOKEN": "d.e.f",
    "PARALLEL_TOKEN_COMMAND": "broker",
    "PARALLEL_REFRESH_TOKEN": "rt_1",
    SAVE: "store",
}
IN_ORDER = [
    "parallel:accessToken",
    "parallel:tokenCommand",
    "PARALLEL_ACCESS_TOKEN",
    "PARALLEL_TOKEN_COMMAND",
    "PARALLEL_REFRESH_TOKEN",
]


@pytest.fixture
def auth_file(tmp_path: Path) -> Path:
    """Give a file with the sign-ins of two organizations, the second selected."""
    path = tmp_path / "auth.json"
    path.touch(0o600)
    orgs = {
        org_id: {"control_api": {"access_token": f"{org_id}.b.c", "refresh_token": "rt"}}
        for org_id in ("org_1", "org_2")
    }
    path.write_text(json.dumps({"version": 1, "selected_org_id": "org_2", "orgs": orgs}))
    return path


def choose(
    auth_file: Path, environ: Mapping[str, str], config: Mapping[str, str] | None = None
) -> TokenSource:
    """Choose as the provider would with these settings."""
    environ = {"PARALLEL_AUTH_FILE": str(auth_file), **environ}
    return choose_source(Settings.load((config or {}).get, environ))


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_first_configured_source_is_used(auth_file: Path, first: int) -> None:
    """The stack configuration comes first, and a token comes before a command."""
    left = set(IN_ORDER[first:])
    config = {key: value for key, value in CONFIG.items() if key in left}
    environ = {key: value for key, value in ENVIRONMENT.items() if key in left | {SAVE}}
    assert choose(auth_file, environ, config).origin == IN_ORDER[first]


def test_stored_sign_in_is_the_last_source(auth_file: Path) -> None:
    """Without any setting, the selected organization's sign-in is used."""
    source = choose(auth_file, {})
    assert source.origin == f"the stored sign-in {auth_file}"
    assert source.get().value.get_secret_value() == "org_2.b.c"


def test_configured_organization_chooses_the_sign_in(auth_file: Path) -> None:
    """`orgId` picks another stored organization."""
    source = choose(auth_file, {"PARALLEL_ORG_ID": "org_1"})
    assert source.get().value.get_secret_value() == "org_1.b.c"


def test_configured_organization_without_sign_in_is_refused(auth_file: Path) -> None:
    """The error names where it was configured."""
    with pytest.raises(CredentialsError, match=r"org_9 \(parallel:orgId\)"):
        choose(auth_file, {}, {"parallel:orgId": "org_9"})


def test_nothing_configured_says_what_to_do(tmp_path: Path) -> None:
    """The error lists the ways to get a token."""
    with pytest.raises(CredentialsError, match="parallel-provider login"):
        choose(tmp_path / "none.json", {})


def test_unusable_file_is_named_and_kept(auth_file: Path) -> None:
    """A damaged file isn't treated as a missing one."""
    auth_file.write_text("{")
    with pytest.raises(CredentialsError, match=r"auth.json is damaged"):
        choose(auth_file, {})
    assert auth_file.read_text() == "{"


def test_refresh_token_needs_a_save_command(auth_file: Path) -> None:
    """Without a place for the next refresh token, the token would work for one run only."""
    with pytest.raises(SettingsError, match=SAVE):
        choose(auth_file, {"PARALLEL_REFRESH_TOKEN": "rt_1"})


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"PARALLEL_TOKEN_COMMAND": "vault 'read"}, "PARALLEL_TOKEN_COMMAND"),
        ({"PARALLEL_REFRESH_TOKEN": "rt_1", SAVE: "'"}, SAVE),
    ],
)
def test_malformed_command_is_refused_before_it_is_needed(
    auth_file: Path, environ: dict[str, str], setting: str
) -> None:
    """A wrong setting is an error at the start of a run."""
    with pytest.raises(SettingsError, match=setting):
        choose(auth_file, environ)


def test_data_key_as_access_token_is_named_as_the_mistake(auth_file: Path) -> None:
    """The error says that it looks like a data API key, and doesn't quote it."""
    with pytest.raises(CredentialsError, match=r"PARALLEL_ACCESS_TOKEN .*data API key") as caught:
        choose(auth_file, {"PARALLEL_ACCESS_TOKEN": "pk_0123456789abcdef"})
    assert "pk_0123" not in str(caught.value)

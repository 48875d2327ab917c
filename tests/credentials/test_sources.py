"""Which source of access tokens is used, and tokens from a command."""

from __future__ import annotations

import base64
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from parallel_provider.commands import Command
from parallel_provider.credentials.sources import TokenCommand, choose_source, parse_output
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.errors import CredentialsError, SettingsError
from parallel_provider.settings import Settings

NOW = 1_000_000.0
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRlc3Q"
NAME = "the command 'vault' of PARALLEL_TOKEN_COMMAND"
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


@pytest.mark.parametrize(
    ("output", "expires_at"),
    [
        (JWT, None),
        (f"  {JWT}\r\n", None),
        (json.dumps({"access_token": JWT}), None),
        (json.dumps({"access_token": JWT, "expires_at": None}), None),
        (json.dumps({"access_token": JWT, "expires_at": NOW + 420}), NOW + 420),
        (json.dumps({"access_token": JWT, "expires_at": "1970-01-12T13:53:40Z"}), NOW + 420),
        (json.dumps({"access_token": JWT, "expires_at": "1970-01-12T13:53:40"}), NOW + 420),
        (json.dumps({"access_token": JWT, "expires_at": "1970-01-12T14:53:40+01:00"}), NOW + 420),
    ],
)
def test_output_is_a_token_or_json(output: str, expires_at: float | None) -> None:
    """A command prints the token alone, or JSON that may say when it ends."""
    token = parse_output(output.encode(), NAME, NOW)
    assert token.value.get_secret_value() == JWT
    assert token.expires_at == expires_at


@pytest.mark.parametrize(("exp", "expires_at"), [(NOW + 420, NOW + 420), (NOW - 1, None)])
def test_token_that_says_when_it_ends_is_renewed_before(
    exp: float, expires_at: float | None
) -> None:
    """A JWT does. One that has ended by this machine's clock is tried: the clock may be wrong."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
    header, _, signature = JWT.split(".")
    token = parse_output(f"{header}.{claims}.{signature}".encode(), NAME, NOW)
    assert token.expires_at == expires_at


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (b"", "one access token and nothing else"),
        (b"\xff\xfe", "isn't an access token"),
        (b"{", "JSON that can't be used"),
        (b'{"token": "x"}', "access_token: Field required"),
        (b'{"access_token": 7}', "access_token: Input should be a valid string"),
        (b"Logging in\n" + JWT.encode(), "one access token and nothing else"),
        (b"pk_live_0123456789", "looks like a data API key"),
        (
            b"hello",
            r"isn't an access token \(a JWT\): it doesn't have three parts.*provider token",
        ),
        (f'{{"access_token": "{JWT}", "expires_at": {NOW}}}'.encode(), "already ended"),
        (f'{{"access_token": "{JWT}", "expires_at": -1}}'.encode(), "already ended"),
        *(
            (f'{{"access_token": "{JWT}", "expires_at": {end}}}'.encode(), "expires_at: Input")
            for end in ('"soon"', "true", "NaN", "9" * 400, f'"{"9" * 400}"')
        ),
        (f'{{"access_token": "{JWT}", "expires_at": {"9" * 9000}}}'.encode(), "can't be used"),
        (b"{" * 100_000, "can't be used"),
    ],
)
def test_unusable_output_is_explained_and_not_shown(output: bytes, reason: str) -> None:
    """The error says what is wrong with the output, and doesn't quote it."""
    with pytest.raises(CredentialsError, match=reason) as caught:
        parse_output(output, NAME, NOW)
    assert NAME in str(caught.value)
    assert JWT not in str(caught.value)
    assert "pk_live" not in str(caught.value)


def counting_command(tmp_path: Path, body: str) -> Command:
    """Return a command that counts its runs in `tmp_path/runs`; `n` is the count in `body`."""
    code = (
        "import json, pathlib; path = pathlib.Path(__import__('sys').argv[1])\n"
        "n = len(path.read_text()) + 1 if path.exists() else 1; path.write_text('x' * n)\n" + body
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "runs")]
    return Command.parse(shlex.join(arguments), "PARALLEL_TOKEN_COMMAND")


def test_command_runs_again_near_the_end_of_its_token(tmp_path: Path) -> None:
    """The command runs again 30 seconds before the token expires."""
    now = [NOW]
    body = f"print(json.dumps({{'access_token': f'a.b.{{n}}', 'expires_at': {NOW} + 420 * n}}))"
    source = TokenCommand(counting_command(tmp_path, body), clock=lambda: now[0])
    assert source.get() == source.get()
    now[0] += 391
    assert source.get().value.get_secret_value() == "a.b.2"


def test_command_runs_again_after_a_401(tmp_path: Path) -> None:
    """After a 401, the command runs once more for another token."""
    source = TokenCommand(counting_command(tmp_path, "print(f'a.b.{n}')"))
    renewed = source.renew(source.get())
    assert renewed is not None
    assert renewed.value.get_secret_value() == "a.b.2"


def test_command_that_prints_the_refused_token_again_has_no_other(tmp_path: Path) -> None:
    """If the command prints the same token again, the request isn't sent again."""
    source = TokenCommand(counting_command(tmp_path, "print('a.b.c')"))
    assert source.renew(source.get()) is None
    assert (tmp_path / "runs").read_text() == "xx"

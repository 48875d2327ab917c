"""An access token from a command."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from parallel_provider.commands import Command
from parallel_provider.credentials.command import TokenCommand, parse_output
from parallel_provider.errors import CredentialsError

NOW = 1_000_000.0
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRlc3Q"
NAME = "the command 'vault' of PARALLEL_TOKEN_COMMAND"


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


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (b"", "printed nothing"),
        (b"\xff\xfe", "isn't text"),
        (b"{", "can't be read"),
        (b'{"token": "x"}', "without a text access_token"),
        (b'{"access_token": 7}', "without a text access_token"),
        (b"Logging in\n" + JWT.encode(), "one access token and nothing else"),
        (b"pk_live_0123456789", "looks like a data API key"),
        (
            b"hello",
            r"isn't an access token \(a JWT\): that has three parts.*parallel-provider token",
        ),
        (f'{{"access_token": "{JWT}", "expires_at": {NOW}}}'.encode(), "already ended"),
        (f'{{"access_token": "{JWT}", "expires_at": "soon"}}'.encode(), "neither epoch seconds"),
        (f'{{"access_token": "{JWT}", "expires_at": true}}'.encode(), "neither epoch seconds"),
        (f'{{"access_token": "{JWT}", "expires_at": NaN}}'.encode(), "neither epoch seconds"),
        (f'{{"access_token": "{JWT}", "expires_at": {"9" * 400}}}'.encode(), "neither epoch"),
        (f'{{"access_token": "{JWT}", "expires_at": {"9" * 9000}}}'.encode(), "can't be read"),
        (f'{{"access_token": "{JWT}", "expires_at": "{"9" * 400}"}}'.encode(), "neither epoch"),
        (f'{{"access_token": "{JWT}", "expires_at": -1}}'.encode(), "neither epoch seconds"),
        (b"{" * 100_000, "can't be read"),
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

"""`parallel-provider token`."""

from __future__ import annotations

import sys

from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn


def test_token_is_all_that_is_printed(run: Run, signed_in: SignIn) -> None:
    """A shell can take it as it is."""
    result = run("token")
    assert result.stdout == signed_in.tokens["access_token"] + "\n"
    assert result.stderr == ""


def test_printed_token_is_fresh(run: Run, signed_in: SignIn) -> None:
    """A token that has ended is refreshed first, and the new one is in the file."""
    old = signed_in.tokens["access_token"]
    signed_in.expire()
    result = run("token")
    assert result.stdout == signed_in.tokens["access_token"] + "\n"
    assert signed_in.tokens["access_token"] != old


def test_token_as_its_own_token_command_uses_the_sign_in(run: Run, signed_in: SignIn) -> None:
    """The command as the token command doesn't call itself without end."""
    command = f"{sys.executable} -m parallel_provider.cli token"
    result = run("token", PARALLEL_TOKEN_COMMAND=command)
    assert result.stdout == signed_in.tokens["access_token"] + "\n"


def test_token_command_can_talk_to_the_user(run: Run, signed_in: SignIn) -> None:
    """What the command says on standard error is shown, and the token in it is not."""
    token = signed_in.tokens["access_token"]
    command = f"sh -c 'echo asking the vault for {token} >&2; echo {token}'"
    result = run("token", PARALLEL_TOKEN_COMMAND=command)
    assert result.stdout == f"{token}\n"
    assert result.stderr == "asking the vault for ********\n"

"""`parallel-provider login`."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Mapping
from urllib.parse import urlsplit

import click

from parallel_provider.cli.environment import load_settings
from parallel_provider.cli.output import require_standard_output, say, waiting, warn
from parallel_provider.credentials.oauth import (
    ALL_SCOPES,
    FALLBACK_CLIENT_ID,
    DeviceCode,
    SignInServer,
    TokenGrant,
    request_code,
    wait_for_approval,
)
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.tokens import duration, moment
from parallel_provider.errors import CredentialsError
from parallel_provider.printable import printable
from parallel_provider.settings import Settings, is_loopback

_EXAMPLES = """
\b
Examples:
  parallel-provider login
  parallel-provider login --no-browser
  parallel-provider login --scope apps:read --scope balance:read
  parallel-provider login --print-refresh-token \\
    | gh secret set PARALLEL_REFRESH_TOKEN --env parallel
"""


@click.command(epilog=_EXAMPLES)
@click.option("--no-browser", is_flag=True, help="Don't open a browser; the link is shown anyway.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(ALL_SCOPES),
    help="Ask for this permission only; may be given several times. Default: all.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Give up after so long; the code's own lifetime (some minutes) if that ends first.",
)
@click.option("--wait", is_flag=True, help="Wait for the approval even where CI is set.")
@click.option(
    "--print-refresh-token",
    is_flag=True,
    help="Store nothing; print the refresh token for a pipeline's secret store.",
)
def login(
    *,
    no_browser: bool,
    scopes: tuple[str, ...],
    timeout: float | None,
    wait: bool,
    print_refresh_token: bool,
) -> None:
    """Sign in: shows a link and a code, and waits until you approve it in a browser.

    The browser may be on another machine. The sign-in is kept where the official client,
    parallel-cli, keeps its own, and serves both; other organizations in that file stay. Where the
    environment says that this is a pipeline (CI), nobody can approve: it fails at once, unless
    --wait is given.
    """
    if _is_pipeline(os.environ) and not wait:
        raise CredentialsError(
            "nobody can approve a sign-in in a pipeline (CI is set): set PARALLEL_ACCESS_TOKEN, "
            "PARALLEL_TOKEN_COMMAND or PARALLEL_REFRESH_TOKEN there, or call login with --wait"
        )
    if print_refresh_token:
        require_standard_output("the refresh token")
    settings = load_settings()
    file = SignInFile(settings.auth_file)
    # Read first: a file that can't be used must be reported before the person signs in.
    known_client = file.read_or_empty().client_id
    with SignInServer(settings.platform_url) as server:
        # A pipeline has no client of its own, so its token belongs to the official client.
        wanted_client = FALLBACK_CLIENT_ID if print_refresh_token else known_client
        client_id, code = request_code(server, wanted_client, scopes or ALL_SCOPES)
        _show(code)
        if not no_browser and _has_browser(os.environ):
            _open_browser(code)
        with waiting(f"Waiting for approval; the code ends in {duration(code.expires_in)} …"):
            grant = wait_for_approval(server, client_id, code, timeout_seconds=timeout)
    if print_refresh_token:
        _print_refresh_token(grant, client_id)
    else:
        _report(settings, file, grant, _store(file, client_id, grant))


def _show(code: DeviceCode) -> None:
    say(f"To sign in, open  {printable(code.verification_uri)}")
    say(f"and enter         {printable(code.user_code)}")
    if code.verification_uri_complete:
        say(f"or open           {printable(code.verification_uri_complete)}")


def _store(file: SignInFile, client_id: str, grant: TokenGrant) -> str:
    """Store the sign-in and return its organization's id."""
    if grant.org_id is None:
        raise CredentialsError(
            "the server didn't say which organization the sign-in is for, so it isn't stored: "
            "try again"
        )
    with file.locked():
        document = file.read_or_empty()
        file.write(document.with_sign_in(client_id, grant.org_id, grant, time.time()))
    return grant.org_id


def _report(settings: Settings, file: SignInFile, grant: TokenGrant, org_id: str) -> None:
    name = f"{printable(grant.org_name)} " if grant.org_name else ""
    say(f"Signed in to {name}({printable(org_id)}); kept in {file.path}.")
    if grant.authorization_expires_in is not None:
        say(f"The sign-in ends {moment(time.time() + grant.authorization_expires_in)}.")
    for token, variable in (
        (settings.env_access_token, "PARALLEL_ACCESS_TOKEN"),
        (settings.env_token_command, "PARALLEL_TOKEN_COMMAND"),
        (settings.env_refresh_token, "PARALLEL_REFRESH_TOKEN"),
    ):
        if token is not None:
            warn(f"{variable} is set and counts before this sign-in.")


def _print_refresh_token(grant: TokenGrant, client_id: str) -> None:
    if grant.refresh_token is None:
        raise CredentialsError(
            "the server gave no refresh token, so there is nothing to print: sign in again, or "
            "set PARALLEL_TOKEN_COMMAND in the pipeline"
        )
    click.echo(grant.refresh_token.get_secret_value())
    if client_id != FALLBACK_CLIENT_ID:
        say(f"The pipeline also needs PARALLEL_CLIENT_ID={printable(client_id)}")


def _is_pipeline(environ: Mapping[str, str]) -> bool:
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")


def _has_browser(environ: Mapping[str, str]) -> bool:
    """Say whether the caller would see a browser that opens on this machine."""
    if any(environ.get(name) for name in ("SSH_CLIENT", "SSH_TTY", "CI")):
        return False
    if not sys.stderr.isatty():
        return False
    if sys.platform.startswith("linux"):
        return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return True


def _open_browser(code: DeviceCode) -> None:
    link = code.verification_uri_complete or code.verification_uri
    parts = urlsplit(link)
    # The link comes from the server, so only a web page is opened.
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        try:
            webbrowser.open(link)
        except (webbrowser.Error, OSError):
            say("(No browser could be opened.)")

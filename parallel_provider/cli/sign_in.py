"""The commands of the sign-in: `login`, `logout`, `switch`, `status` and `token`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from parallel_provider.api import (
    ApiError,
    AuthenticationError,
    PermissionDeniedError,
    WrongOrganizationError,
)
from parallel_provider.api.identity import person_in
from parallel_provider.cli import examples, org_option
from parallel_provider.cli.output import (
    print_facts,
    print_json,
    require_standard_output,
    say,
    waiting,
    warn,
)
from parallel_provider.credentials.oauth import (
    ALL_SCOPES,
    FALLBACK_CLIENT_ID,
    DeviceCode,
    SignInServer,
    TokenGrant,
    request_code,
    wait_for_approval,
)
from parallel_provider.credentials.sign_in_file import SignInFile, StoredTokens
from parallel_provider.credentials.sources import choose_source
from parallel_provider.credentials.stored_sign_in import PipelineRefreshToken, StoredSignIn
from parallel_provider.credentials.tokens import (
    AccessToken,
    TokenSource,
    duration,
    expiry_in,
    moment,
    require_unexpired,
)
from parallel_provider.errors import CredentialsError
from parallel_provider.jwt import claims_of
from parallel_provider.printable import printable
from parallel_provider.session import open_api
from parallel_provider.settings import Settings, is_loopback

# A person waits for it.
_STATUS_SECONDS = 10


@click.command(
    epilog=examples(
        "parallel-provider login",
        "parallel-provider login --no-browser",
        "parallel-provider login --scope apps:read --scope balance:read",
        "parallel-provider login --print-refresh-token \\\n"
        "    | gh secret set PARALLEL_REFRESH_TOKEN --env parallel",
    ),
    short_help="Sign in with a browser.",
)
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
    settings = Settings.of_environment()
    file = SignInFile(settings.auth_file)
    # First: a file that can't be used must be reported before the person signs in.
    document = file.read_or_empty()
    if not print_refresh_token:
        with file.locked(), file.prepare_write(document):
            pass
    known_client: str | None = document.client_id or FALLBACK_CLIENT_ID
    # Registering failed at an earlier login. Sign-ins are refreshed by the client that they are of.
    if known_client == FALLBACK_CLIENT_ID and not document.signed_in:
        known_client = None
    with SignInServer(settings.platform_url) as server:
        # A pipeline has no client of its own, so its token belongs to the official client.
        wanted_client = FALLBACK_CLIENT_ID if print_refresh_token else known_client
        client_id, code = request_code(server, wanted_client, scopes or ALL_SCOPES)
        if not print_refresh_token:
            for setting in settings.token_settings:
                warn(f"{setting.origin} is set and counts before this sign-in.")
        _show(code)
        if not no_browser and _has_browser(os.environ):
            _open_browser(code)
        with waiting(f"Waiting for approval; the code ends in {duration(code.expires_in)} …"):
            grant = wait_for_approval(server, client_id, code, timeout_seconds=timeout)
    if print_refresh_token:
        _print_refresh_token(grant, client_id)
    else:
        _report(file, grant, _store(file, client_id, grant))


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


def _report(file: SignInFile, grant: TokenGrant, org_id: str) -> None:
    end = file.read().tokens(org_id).end
    name = f"{printable(grant.org_name)} " if grant.org_name else ""
    say(f"Signed in to {name}({printable(org_id)}); kept in {file.path}.")
    if end is not None:
        say(f"The sign-in ends {moment(end[0])}.")


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


@click.command(
    epilog=examples(
        "parallel-provider logout",
        "parallel-provider logout --org ORG_ID",
    ),
    short_help="Sign out, at the server too.",
)
@org_option
@click.option("--local", is_flag=True, help="Only forget it here; the server isn't asked.")
def logout(*, org_id: str | None, local: bool) -> None:
    """Revoke the sign-in of one organization and remove it from this machine.

    A data API key that the official client keeps in the same file stays, and so do the sign-ins of
    other organizations.
    """
    settings = Settings.of_environment(org_id)
    file = SignInFile(settings.auth_file)
    # Under the lock, so that no refresh puts back what is removed here.
    with file.locked():
        document = file.read()
        chosen = document.choose_org(settings.org_id, settings.org_id_origin)
        left = document.without_sign_in(chosen)
        with file.prepare_write(left) as store:
            if not local:
                _revoke(settings.platform_url, document.tokens(chosen))
            store(left)
    say(f"Signed out of {chosen}{' here; the server was not asked' if local else ''}.")
    if left.selected_org_id not in (None, document.selected_org_id):
        say(f"{left.selected_org_id}, the only one left, is selected now.")


@click.command(
    epilog=examples("parallel-provider switch ORG_ID"),
    short_help="Select another signed-in organization.",
)
@click.argument("org_id")
def switch(*, org_id: str) -> None:
    """Select the organization that is used where nothing names one.

    ORG_ID is one of those that `parallel-provider status` shows. The official client uses the same
    selection.
    """
    settings = Settings.of_environment()
    file = SignInFile(settings.auth_file)
    with file.locked():
        document = file.read()
        file.write(document.with_values(selected_org_id=document.choose_org(org_id)))
    say(f"Selected {org_id}.")
    origins = [each.origin for each in settings.token_settings]
    if settings.org_id not in (None, org_id):
        origins.append(settings.org_id_origin or "")
    for origin in origins:
        warn(f"{origin} is set and counts before this selection.")


def _revoke(platform_url: str, tokens: StoredTokens) -> None:
    if tokens.refresh_token is None:
        return
    with SignInServer(platform_url) as server:
        try:
            server.revoke(tokens.refresh_token)
        except CredentialsError as error:
            raise CredentialsError(
                f"{error}; nothing was removed: try again, or forget the sign-in on this machine "
                "only, with `parallel-provider logout --local`"
            ) from None


@click.command(
    epilog=examples(
        "parallel-provider status",
        "parallel-provider status --json | jq -r .org_id",
    ),
    short_help="Show who is signed in.",
)
@org_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; times are epoch seconds.")
def status(*, org_id: str | None, as_json: bool) -> None:
    """Show where the access token comes from, whose it is, and when it ends.

    A stored sign-in is shown as it is on this machine. The organization of another access token is
    asked of the Account API. Fails when there is no sign-in, when it has ended, or when the API
    doesn't tell the organization.
    """
    now = time.time()
    found = _status(Settings.of_environment(org_id), now)
    if as_json:
        print_json(found)
    else:
        _print_status(found, now)
    if found["ended"]:
        raise CredentialsError(found["ended"])
    if found["warning"] and found["org_id"] is None:
        raise CredentialsError(found["warning"])
    if found["warning"]:
        warn(found["warning"])


def _status(settings: Settings, now: float) -> dict[str, Any]:
    """Find out where the token comes from. Raises CredentialsError if there is no source.

    `person` is who has signed in, as the token says. `ends_at` is when the sign-in ends, or an
    access token that nothing renews. `ended` is the reason why the token can't be used.
    """
    source = choose_source(settings)
    found: dict[str, Any] = {
        "source": source.origin,
        "person": None,
        "org_id": None,
        "org_name": None,
        "ends_at": None,
        "ended": None,
        "warning": None,
        "auth_file": None,
        "orgs": [],
    }
    if isinstance(source, PipelineRefreshToken):
        return found  # to look would use up its refresh token
    if isinstance(source, StoredSignIn):
        return found | _status_of_sign_in(settings.auth_file, source.org_id, now)
    return found | _status_of_token(settings, source, now)


def _status_of_sign_in(auth_file: Path, org_id: str, now: float) -> dict[str, Any]:
    """Return the facts about the stored sign-in, without its tokens."""
    document = SignInFile(auth_file).read()
    tokens = document.tokens(org_id)
    warning = tokens.end_warning(now)
    orgs = [
        {
            "org_id": signed_in,
            "org_name": document.orgs[signed_in].org_name,
            "scopes": document.tokens(signed_in).access_token_scopes or (),
            "ends_at": _end_of(document.tokens(signed_in)),
        }
        for signed_in in document.signed_in
    ]
    return {
        "person": tokens.access and _person(tokens.access),
        "org_id": org_id,
        "org_name": document.orgs[org_id].org_name,
        "ends_at": _end_of(tokens),
        "ended": warning if tokens.has_ended(now) else None,
        "warning": warning,
        "auth_file": str(auth_file),
        "orgs": orgs,
    }


def _end_of(tokens: StoredTokens) -> int | None:
    return None if tokens.end is None else int(tokens.end[0])


def _status_of_token(settings: Settings, source: TokenSource, now: float) -> dict[str, Any]:
    """Return the facts about an access token that is given, or printed by a command."""
    try:
        token = source.get()
    except CredentialsError as error:
        return {"ended": str(error)}
    end = token.expires_at or expiry_in(token.value)
    found: dict[str, Any] = {
        "person": _person(token),
        "ends_at": None if end is None else int(end),
    }
    try:
        require_unexpired(token, source, now)
    except CredentialsError as error:
        return found | {"ended": str(error)}
    seconds = min(settings.timeout_seconds, _STATUS_SECONDS)
    try:
        return found | _organization_of(replace(settings, timeout_seconds=seconds), source)
    except (AuthenticationError, CredentialsError, WrongOrganizationError) as error:
        return found | {"ended": str(error)}
    except ApiError as error:
        return found | {"warning": f"the organization isn't known ({error})"}


def _organization_of(settings: Settings, source: TokenSource) -> dict[str, str]:
    """Ask the Account API. Raises WrongOrganizationError if the settings allow another one only."""
    with open_api(settings, source) as api:
        with contextlib.suppress(PermissionDeniedError):  # only the balance tells no name
            for app in api.list_apps():
                return {"org_id": app.org_id, "org_name": app.org_name}
        return {"org_id": api.get_balance().org_id}


def _person(token: AccessToken) -> str | None:
    """Return the e-mail address or the id of the person, if the token names one."""
    text = token.value.get_secret_value()
    claims = claims_of(text)
    return str(claims.get("email") or claims["sub"]) if person_in(text) else None


def _print_status(found: Mapping[str, Any], now: float) -> None:
    end = found["ends_at"]
    if end is None:
        ends = "end not known"
    elif end <= now:
        ends = f"ended {moment(end)}"
    else:
        ends = f"ends {moment(end)} (in {duration(end - now)})"
    facts = [
        ("Access token from", found["source"]),
        ("Person", found["person"] or "not known"),
        ("Organization", _org_text(found) if found["org_id"] else "not known"),
    ]
    for org in found["orgs"]:
        if org["org_id"] == found["org_id"]:
            facts.append(("Permissions", " ".join(org["scopes"]) or "not known"))
    facts.append(("Sign-in" if found["orgs"] else "Access token", ends))
    for org in found["orgs"]:
        if org["org_id"] != found["org_id"]:
            facts.append(("Also signed in to", _org_text(org)))
    print_facts(facts)


def _org_text(org: Mapping[str, Any]) -> str:
    return f"{org['org_name']} ({org['org_id']})" if org["org_name"] else str(org["org_id"])


@click.command(
    epilog=examples(
        "parallel-provider token",
        "PARALLEL_ACCESS_TOKEN=$(parallel-provider token) pulumi preview",
        "pulumi config set --plaintext parallel:tokenCommand 'parallel-provider token'",
    ),
    short_help="Print a fresh access token.",
)
@org_option
def token(*, org_id: str | None) -> None:
    """Print a fresh access token, and nothing else, on standard output.

    The stored sign-in is refreshed first where needed. The token lives for minutes: long runs
    rather need `parallel:tokenCommand`, or the sign-in itself. A token that has ended, or of
    another organization than --org or PARALLEL_ORG_ID, isn't printed: the command fails.
    """
    require_standard_output("the token")
    settings = Settings.of_environment(org_id)
    source = choose_source(settings)
    is_of_org = isinstance(source, StoredSignIn) and source.org_id == settings.org_id
    if settings.org_id is not None and not is_of_org:
        _organization_of(settings, source)
    access_token = require_unexpired(source.get(), source, time.time())
    click.echo(access_token.value.get_secret_value())

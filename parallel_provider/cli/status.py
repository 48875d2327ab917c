"""`parallel-provider status`."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import click

from parallel_provider.cli.environment import load_settings
from parallel_provider.cli.output import print_facts, print_json, warn
from parallel_provider.credentials.sign_in_file import SignInFile, StoredOrg
from parallel_provider.credentials.sources import choose_source
from parallel_provider.credentials.stored_sign_in import PipelineRefreshToken, StoredSignIn
from parallel_provider.credentials.tokens import StaticToken, duration, moment
from parallel_provider.errors import CredentialsError
from parallel_provider.settings import Settings

_EXAMPLES = """
\b
Examples:
  parallel-provider status
  parallel-provider status --json | jq -r .org_id
"""


@dataclass(frozen=True)
class OrgStatus:
    """One organization of the sign-in file; times are epoch seconds."""

    org_id: str
    org_name: str | None
    scopes: tuple[str, ...]
    access_token_expires_at: int | None
    refresh_token_expires_at: int | None
    authorization_expires_at: int | None

    @classmethod
    def of(cls, org_id: str, org: StoredOrg) -> OrgStatus:
        """Return the status of a stored organization, without its tokens."""
        tokens = org.tokens
        return cls(
            org_id=org_id,
            org_name=org.org_name,
            scopes=tokens.access_token_scopes or (),
            access_token_expires_at=_whole(tokens.access_token_expires_at),
            refresh_token_expires_at=_whole(tokens.refresh_token_expires_at),
            authorization_expires_at=_whole(tokens.authorization_expires_at),
        )


@dataclass(frozen=True)
class Status:
    """Where the access token comes from. `org_id` and what follows are for a stored sign-in only.

    `access_token_expires_at` is what a configured access token says about itself. `ended` is the
    reason why the token can't be used.
    """

    source: str
    ended: str | None = None
    access_token_expires_at: int | None = None
    org_id: str | None = None
    auth_file: str | None = None
    orgs: tuple[OrgStatus, ...] = ()
    warning: str | None = None


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; times are epoch seconds.")
def status(*, as_json: bool) -> None:
    """Show where the access token comes from, for which organization, and what ends when.

    Nothing is asked of the server. Fails when there is no sign-in, or when it has ended.
    """
    now = time.time()
    found = read_status(load_settings(), now)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found, now)
    if found.ended:
        raise CredentialsError(found.ended)
    if found.warning:
        warn(found.warning)


def read_status(settings: Settings, now: float) -> Status:
    """Find out where the token comes from. Raises CredentialsError if there is no source."""
    source = choose_source(settings)
    if isinstance(source, StaticToken):
        return Status(
            source=source.origin,
            ended=_end_of(source, now),
            access_token_expires_at=_whole(source.expires_at),
        )
    if isinstance(source, PipelineRefreshToken) or not isinstance(source, StoredSignIn):
        return Status(source=source.origin)
    document = SignInFile(settings.auth_file).read()
    tokens = document.tokens(source.org_id)
    warning = tokens.end_warning(now)
    return Status(
        source=source.origin,
        ended=warning if tokens.has_ended(now) else None,
        org_id=source.org_id,
        auth_file=str(settings.auth_file),
        orgs=tuple(
            OrgStatus.of(org_id, org)
            for org_id, org in document.orgs.items()
            if org.tokens.is_sign_in
        ),
        warning=warning,
    )


def _end_of(source: StaticToken, now: float) -> str | None:
    try:
        source.require_not_expired(now)
    except CredentialsError as error:
        return str(error)
    return None


def _print(found: Status, now: float) -> None:
    facts = [("Access token from", found.source)]
    if not found.orgs:
        facts.append(("Access token", _end(found.access_token_expires_at, now)))
    for org in found.orgs:
        name = f"{org.org_name} ({org.org_id})" if org.org_name else org.org_id
        if org.org_id != found.org_id:
            facts.append(("Also signed in to", name))
            continue
        facts += [
            ("Organization", name),
            ("Permissions", " ".join(org.scopes) or "unknown"),
            ("Access token", f"{_end(org.access_token_expires_at, now)}; renewed when needed"),
            ("Refresh token", _end(org.refresh_token_expires_at, now)),
            ("Authorization", _end(org.authorization_expires_at, now)),
        ]
    print_facts(facts)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)


def _end(end: float | None, now: float) -> str:
    if end is None:
        return "end not known"
    if end <= now:
        return f"ended {moment(end)}"
    return f"ends {moment(end)} (in {duration(end - now)})"

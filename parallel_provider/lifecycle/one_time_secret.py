"""A secret that the API shows once, in the answer to its creation: create, deliver, revoke.

No secret may be left at the server that nobody has. So a secret is revoked again if it can't be
used, delivered or kept, and every error and warning names a secret that may be left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

from parallel_provider.api import AnswerError, ApiError, NotFoundError
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import LifecycleError, LostKeyError, ParallelError
from parallel_provider.lifecycle.failures import reason_of
from parallel_provider.lifecycle.presence import (
    InApp,
    find_app,
    is_revoked,
    mark_in,
    no_app_text,
    unproven_error,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.printable import field_name, printable

# The years 2000 and 3000. Other numbers are no times in seconds: with them, a key would be rotated
# in every run, or never.
_EARLIEST, _LATEST = 946_684_800, 32_503_680_000

_NOT_USABLE = (
    "can't be used, as the Account API's answer isn't as documented ({}): please report this"
)


@dataclass(frozen=True)
class NewSecret:
    """A secret as the API gives it. `outputs` are the other fields of the answer."""

    secret_id: str
    app_id: str
    created_at: int
    raw: SecretStr
    outputs: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 hash of the secret: "sha256:" and hexadecimal digits."""
        return fingerprint(self.raw)


@dataclass(frozen=True)
class SecretId:
    """A secret that is to be revoked."""

    secret_id: str
    name: str


@dataclass(frozen=True)
class SecretPlace:
    """The app of secrets, and marks of the people who have created them, by the secrets' ids."""

    app: InApp
    creators: Mapping[str, str] = field(default_factory=dict)


class SecretApi(Protocol):
    """The calls of the Account API for one kind of secret. Both raise ApiError."""

    noun: str
    """What messages call such a secret, such as "key"."""

    def create(self, run: Run, app_id: str, name: str) -> NewSecret:
        """Create a secret of an app."""

    def revoke(self, run: Run, app_id: str, secret_id: str) -> None:
        """Revoke a secret of an app."""

    def variables(self, secret: NewSecret, name: str) -> Mapping[str, str]:
        """Return the environment variables that tell a delivery command about the secret."""


def fingerprint(raw: SecretStr) -> str:
    """Return the SHA-256 hash of a secret: "sha256:" and hexadecimal digits."""
    return f"sha256:{hashlib.sha256(raw.get_secret_value().encode()).hexdigest()}"


def create_secret(context: Context, api: SecretApi, app_id: str, name: str) -> NewSecret:
    """Create a secret of an app.

    If the answer is lost, it creates a second secret. A warning then tells how to find the first
    one, which can only be revoked by hand. If the answer can't be used, it revokes the secret and
    raises LifecycleError.
    """
    try:
        return _create(context.run, api, app_id, name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        lost = error
    # Before the attempt, because this process may end before its answer comes.
    context.info(
        f"An answer of the Account API was lost ({lost}), so a {api.noun} named {name!r} that "
        f"nobody holds may exist in app {app_id}. It is created once more."
    )
    try:
        secret = _create(context.run, api, app_id, name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        noun, them = (f"up to two {api.noun}s", "them") if lost_twice else (f"a {api.noun}", "it")
        raise LostKeyError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): {noun} named "
            f"{name!r} that nobody holds may exist in app {app_id}: revoke {them} in the "
            "Parallel console, then run again"
        ) from None
    context.warn(
        f"An answer of the Account API was lost while the {api.noun} {name!r} of app {app_id} was "
        f"created, so a second {api.noun} of that name may exist that nobody holds. The one that "
        f"counts is {secret.secret_id}: revoke any other of that name in the Parallel console. "
        f"({lost})"
    )
    return secret


def deliver_secret(
    context: Context, api: SecretApi, secret: NewSecret, name: str, arguments: Sequence[str]
) -> None:
    """Run the delivery command with the raw secret on its standard input."""
    raw = secret.raw.get_secret_value()
    run_command(
        Command(tuple(arguments), field_name("deliver_command")),
        # Without a line end: a secret store would keep it as a part of the secret.
        standard_input=raw.encode(),
        show=lambda line: context.info(f"{field_name('deliver_command')} of {name!r}: {line}"),
        secrets=[raw],
        variables=api.variables(secret, name),
    )


@dataclass(frozen=True)
class Discarded:
    """What became of a new secret that nobody will have. `text` names it and says why."""

    text: str
    is_revoked: bool

    @property
    def error(self) -> LifecycleError:
        """The error for the user: LostKeyError if the secret may still work."""
        if self.is_revoked:
            return LifecycleError(self.text)
        return LostKeyError(f"{self.text}: revoke it in the Parallel console")


def discard_secret(
    run: Run, api: SecretApi, app_id: str, secret: SecretId, failure: str
) -> Discarded:
    """Revoke a new secret that nobody will have, and return what became of it.

    `failure` says what is wrong with it. It is the rest of a sentence about the secret.
    """
    shown_id = printable(secret.secret_id)
    text = f"the {api.noun} {secret.name!r} ({shown_id}) of app {app_id} {failure}"
    try:
        api.revoke(run, app_id, secret.secret_id)
    except Exception as error:  # noqa: BLE001 - whatever it was, the user must know the secret
        reason = reason_of(error)
        return Discarded(f"{text}. It couldn't be revoked again either ({reason})", False)
    return Discarded(f"{text}. It was revoked again", True)


def revoke_secret(context: Context, api: SecretApi, place: SecretPlace, secret: SecretId) -> None:
    """Revoke a secret. Succeeds if it doesn't exist any more, alone or with its app.

    Raises LifecycleError if the server may only hide it from this person. A warning names a secret
    that another person has created, and of which the server says that it doesn't exist.
    """
    run = context.run
    try:
        api.revoke(run, place.app.app_id, secret.secret_id)
    except NotFoundError as error:
        run.require_same_organization(place.app.org_id)
        _, proof = find_app(run, place.app)
        reader = mark_in(run, place.app.app_id)
        creator = place.creators.get(secret.secret_id)
        revoked = is_revoked(app=proof, reader=reader, creator=creator)
        if revoked == "unknown":
            raise unproven_error(run, error, place.app) from None
        if revoked == "probably":
            context.warn(
                f"The Account API says that the {api.noun} {secret.name!r} ({secret.secret_id}) of "
                f"app {place.app.app_id} doesn't exist, so it counts as revoked. Another person "
                "has created it, and the server may hide it from the person of this access token: "
                "if it is still in the Parallel console, revoke it there."
            )


def revoke_secrets(
    context: Context, api: SecretApi, place: SecretPlace, secrets: Sequence[SecretId]
) -> dict[str, str]:
    """Revoke secrets at the same time; return the ids of those that may still work, with reasons.

    However many there are, this takes no longer than one call may take, since the state with a new
    secret may be waiting to be saved.
    """
    run = context.run

    def attempt(secret: SecretId) -> str | None:
        try:
            revoke_secret(context, api, place, secret)
        except Exception as error:  # noqa: BLE001 - the other secrets must be revoked all the same
            return reason_of(error)
        return None

    if len(secrets) == 1:
        reasons = [attempt(secrets[0])]
    else:
        attempts = [run.revocation_threads.submit(attempt, secret) for secret in secrets]
        wait(attempts, timeout=run.api.call_seconds)
        too_late = f"it wasn't done within {run.api.call_seconds:g} seconds"
        for unfinished in attempts:
            unfinished.cancel()
        reasons = [
            one.result() if one.done() and not one.cancelled() else too_late for one in attempts
        ]
    return {
        secret.secret_id: reason
        for secret, reason in zip(secrets, reasons, strict=True)
        if reason is not None
    }


def _create(run: Run, api: SecretApi, app_id: str, name: str) -> NewSecret:
    try:
        secret = api.create(run, app_id, name)
    except NotFoundError as error:
        raise LifecycleError(no_app_text(app_id, f" ({error})")) from None
    except AnswerError as error:
        if error.created_id is None:
            raise
        made = SecretId(error.created_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(error)).error from None
    failure = _why_unusable(secret, app_id)
    if failure is not None:
        made = SecretId(secret.secret_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(failure)).error
    return secret


def _why_unusable(secret: NewSecret, app_id: str) -> str | None:
    """Return why an answer can't be used, or None. The text has no secret."""
    if secret.app_id.lower() != app_id.lower():
        return f"it says that the key belongs to app {printable(secret.app_id)}"
    if not _EARLIEST <= secret.created_at <= _LATEST:
        return f"{field_name('created_at')} isn't a time in epoch seconds"
    return None

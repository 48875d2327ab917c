"""A secret that the API shows once, in the answer to its creation: create, deliver, revoke.

No secret may be left at the server that nobody has. So a secret is revoked again if it can't be
used, delivered or kept, and every error and warning names a secret that may be left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pydantic import SecretStr

from parallel_provider.api import AnswerError, ApiError, NotFoundError
from parallel_provider.api.models import LATEST_TIME
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.claims import Claim
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
from parallel_provider.settings import IMPORTED_RAW_KEY

# A clock that is set by itself is off by much less.
_BELIEVED_SECONDS = 5 * 60

_NOT_USABLE = (
    "can't be used, as the Account API's answer isn't as documented ({}): please report this"
)


@dataclass(frozen=True)
class NewSecret:
    """A secret as the API gives it. `outputs` are the other fields of the answer.

    `answered_at` is the time of the answer, by its Date header. Both times are epoch seconds.
    """

    secret_id: str
    app_id: str
    created_at: int
    answered_at: float | None
    raw: SecretStr
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class SecretId:
    """A secret that is to be revoked."""

    secret_id: str
    name: str
    fingerprint: str = ""
    """That of the secret itself, if the state has it."""


@dataclass(frozen=True)
class SecretPlace:
    """The app of secrets, and marks of the people who have created them, by the secrets' ids.

    `owner` is what claims call the resource. `delivered` has the fingerprints of the secrets that
    are somewhere else too.
    """

    app: InApp
    creators: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    delivered: Sequence[str] = ()


class SecretApi(Protocol):
    """The calls of the Account API for one kind of secret. Both raise ApiError."""

    noun: str
    """What messages call such a secret, such as "key"."""

    def create(self, run: Run, app_id: str, name: str) -> NewSecret:
        """Create a secret of an app."""

    def revoke(self, run: Run, app_id: str, secret_id: str) -> None:
        """Revoke a secret of an app."""


def fingerprint(raw: SecretStr | None) -> str:
    """Return the SHA-256 hash of a secret: "sha256:" and hexadecimal digits; "" without one."""
    if raw is None:
        return ""
    return f"sha256:{hashlib.sha256(raw.get_secret_value().encode()).hexdigest()}"


def thing_of(api: SecretApi, secret_id: str) -> str:
    """Return what claims call a secret."""
    return f"{api.noun}:{secret_id}"


def create_secret(
    context: Context, api: SecretApi, app_id: str, name: str, *, stay: Sequence[str] = ()
) -> NewSecret:
    """Create a secret of an app.

    If the answer is lost, it creates a second secret. A warning then tells how to find the first
    one, which can only be revoked by hand. `stay` has the ids of the resource's other secrets. If
    the answer can't be used, it revokes the secret and raises LifecycleError.
    """
    began = context.run.now()
    try:
        return _create(context, api, app_id, name)
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
        secret = _create(context, api, app_id, name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        noun, them = (f"up to two {api.noun}s", "them") if lost_twice else (f"a {api.noun}", "it")
        created = context.run.span(began)
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): {noun} named "
            f"{name!r} that nobody holds may exist in app {app_id}. "
            f"{stray_text(them, created, stay)} Then run again"
        ) from None
    created = context.run.span(began)
    context.warn(
        f"An answer of the Account API was lost while the {api.noun} {name!r} of app {app_id} was "
        f"created, so a second {api.noun} of that name may exist that nobody holds. "
        f"{stray_text('it', created, [secret.secret_id, *stay])} ({lost})"
    )
    return secret


def stray_text(them: str, created: str, stay: Sequence[str]) -> str:
    """Return a text that says how to find a secret that nobody holds, and what must stay.

    `them` is "it" or "them". `created` says when it was created.
    """
    others = f" and isn't {', '.join(map(printable, stay))}" if stay else ""
    return (
        f"To end {them}, look in the Parallel console for what was created {created}"
        f"{others}. Other stacks and people may have keys of that name: revoke only "
        "what none of them has."
    )


def believed_time(stated: int, answered_at: float | None, here: float) -> int:
    """Return when a secret was created, in epoch seconds. One wrong time alone revokes nothing.

    `stated` is what the answer says, `answered_at` the answer's own date, and `here` this machine's
    time, which counts if there is no date. If the two differ much, the later one is returned.
    """
    other = here if answered_at is None else answered_at
    if abs(other - stated) <= _BELIEVED_SECONDS:
        return stated
    return max(stated, min(int(other), LATEST_TIME))


def deliver_secret(
    context: Context,
    raw: SecretStr,
    name: str,
    arguments: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    """Run the delivery command with the raw secret on its standard input."""
    text = raw.get_secret_value()
    run_command(
        Command(tuple(arguments), field_name("deliver_command")),
        # Without a line end: a secret store would keep it as a part of the secret.
        standard_input=text.encode(),
        show=lambda line: context.info(f"{field_name('deliver_command')} of {name!r}: {line}"),
        secrets=[text],
        variables=variables,
    )


@dataclass(frozen=True)
class Discarded:
    """What became of a new secret that nobody will have. `text` names it and says why."""

    text: str
    is_revoked: bool

    @property
    def error(self) -> LifecycleError:
        """The error for the user."""
        if self.is_revoked:
            return LifecycleError(self.text)
        return LifecycleError(f"{self.text}: revoke it in the Parallel console")


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

    It stays, with a warning, if another resource of this run has it. Raises LifecycleError if the
    server may only hide it from this person. A warning names a secret that another person has
    created, and of which the server says that it doesn't exist.
    """
    claims, thing = context.run.claims, thing_of(api, secret.secret_id)
    with claims.deleting(thing, place.owner, context.subject) as others:
        if others:
            _leave_to(context, api, place, secret, others)
        else:
            _revoke_at_server(context, api, place, secret)


def _leave_to(
    context: Context,
    api: SecretApi,
    place: SecretPlace,
    secret: SecretId,
    others: Sequence[Claim],
) -> None:
    """Leave a secret to other resources. Raises LifecycleError if it would be lost with the state.

    That is so if no other state has the secret itself, and it isn't known to be delivered.
    """
    shown = f"the {api.noun} {secret.name!r} ({printable(secret.secret_id)})"
    subjects = " and ".join(sorted({other.subject for other in others}))
    known = {*place.delivered, *(other.fingerprint for other in others)}
    if secret.fingerprint and secret.fingerprint not in known:
        raise LifecycleError(
            f"{shown} belongs to {subjects} now, whose state doesn't have the raw key, and with "
            f"this resource it would be lost: import it there again with {IMPORTED_RAW_KEY}, or "
            "take the raw key from `pulumi stack export --show-secrets`; then remove this resource "
            "with `pulumi state delete`"
        )
    context.warn(f"T{shown[1:]} isn't revoked: this run has it in {subjects}.")


def _revoke_at_server(
    context: Context, api: SecretApi, place: SecretPlace, secret: SecretId
) -> None:
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


def _create(context: Context, api: SecretApi, app_id: str, name: str) -> NewSecret:
    run = context.run
    try:
        secret = api.create(run, app_id, name)
    except NotFoundError as error:
        raise LifecycleError(no_app_text(app_id, f" ({error})")) from None
    except AnswerError as error:
        if error.created_id is None:
            raise
        _require_new(run, api, error.created_id)
        made = SecretId(error.created_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(error)).error from None
    _require_new(run, api, secret.secret_id)
    if secret.app_id.lower() != app_id.lower():
        failure = f"it says that the key belongs to app {printable(secret.app_id)}"
        made = SecretId(secret.secret_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(failure)).error
    created_at = believed_time(secret.created_at, secret.answered_at, run.clock())
    if created_at != secret.created_at:
        context.warn(
            f"The Account API's answer says that the {api.noun} {name!r} was created at another "
            "time than the time of this answer: the later one counts as "
            f"{field_name('created_at')}."
        )
    return replace(secret, created_at=created_at)


def _require_new(run: Run, api: SecretApi, secret_id: str) -> None:
    """Refuse a secret that the run has already, without a revocation: somebody uses it."""
    if run.claims.is_known(thing_of(api, secret_id)):
        raise LifecycleError(
            f"the Account API answered with {api.noun} {printable(secret_id)} as a new one, but "
            "this run has it already, so it is left as it is: please report this"
        )

"""Create a key so that none is left that nobody holds. POST /service/v1/apps/{app_id}/keys."""

from __future__ import annotations

from parallel_provider.api import AnswerError, ApiError, CreatedApiKey, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import LifecycleError, LostKeyError, reason_of
from parallel_provider.lifecycle.run import Run
from parallel_provider.printable import printable

# The years 2000 and 3000: what is outside is no time in seconds, and would rotate a key in each run
# or never.
_EARLIEST, _LATEST = 946_684_800, 32_503_680_000

_NOT_USABLE = (
    "can't be used, as the Account API's answer isn't as documented ({}): please report this"
)


def mint_key(run: Run, app_id: str, api_key_name: str) -> CreatedApiKey:
    """Create a key of `app_id`.

    The raw key is in one answer only. If that is lost, a second key is created, and a warning
    names the first one, as far as it is known: it can only be revoked by hand. A key whose answer
    can't be used is revoked again, and an error raised.
    """
    try:
        key = _create_key(run, app_id, api_key_name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        lost = error
    else:
        return key
    try:
        key = _create_key(run, app_id, api_key_name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        keys, them = ("up to two keys", "them") if lost_twice else ("a key", "it")
        raise LostKeyError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): {keys} named "
            f"{api_key_name!r} that nobody holds may exist in app {app_id}: revoke {them} in the "
            "Parallel console, then run again"
        ) from None
    run.messages.warn(
        f"An answer of the Account API was lost while the key {api_key_name!r} of app {app_id} was "
        f"created, so a second key of that name may exist that nobody holds. The one that counts "
        f"is {key.api_key_id}: revoke any other of that name in the Parallel console. ({lost})"
    )
    return key


def discard_key(
    run: Run, app_id: str, api_key_id: str, api_key_name: str, failure: str
) -> LifecycleError:
    """Revoke a new key that nobody will hold; return the error to raise, which names the key.

    `failure` says what is wrong with it, as the rest of a sentence about the key. Another app's key
    of that id isn't touched. DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
    """
    told = f"the key {api_key_name!r} ({printable(api_key_id)}) of app {app_id} {failure}"
    try:
        run.api.delete_key(app_id, api_key_id)
    except Exception as error:  # noqa: BLE001 - whatever it was, the key has to be named
        return LifecycleError(
            f"{told}. It couldn't be revoked again either ({reason_of(error)}): revoke it in the "
            "Parallel console"
        )
    return LifecycleError(f"{told}. It was revoked again")


def revoke_key(run: Run, app_id: str, api_key_id: str, org_id: str) -> None:
    """Revoke a key; succeeds when it is gone for certain, with its app or without.

    DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
    """
    try:
        run.api.delete_key(app_id, api_key_id)
    except NotFoundError:
        run.require_same_organization(org_id)


def _create_key(run: Run, app_id: str, api_key_name: str) -> CreatedApiKey:
    try:
        key = run.api.create_key(app_id, api_key_name)
    except NotFoundError as error:
        raise LifecycleError(
            f"there is no app {app_id} for the access token ({error}): if it was deleted outside "
            "Pulumi, run `pulumi refresh`; otherwise check the token's organization"
        ) from None
    except AnswerError as error:
        if error.created_id is None:
            raise
        raise discard_key(
            run, app_id, error.created_id, api_key_name, _NOT_USABLE.format(error)
        ) from None
    failure = _unusable(key, app_id)
    if failure is not None:
        raise discard_key(run, app_id, key.api_key_id, api_key_name, _NOT_USABLE.format(failure))
    return key


def _unusable(key: CreatedApiKey, app_id: str) -> str | None:
    """Say why an answer can't be kept; never what a secret field holds."""
    if key.app_id.lower() != app_id.lower():
        return f"it says that the key belongs to app {printable(key.app_id)}"
    if not _EARLIEST <= key.created_at <= _LATEST:
        return "created_at isn't a time in epoch seconds"
    return None

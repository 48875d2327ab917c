"""Create a key so that none is left that nobody holds. POST /service/v1/apps/{app_id}/keys."""

from __future__ import annotations

from parallel_provider.api import ApiError, CreatedApiKey, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import LifecycleError, LostKeyError
from parallel_provider.lifecycle.run import Run


def mint_key(run: Run, app_id: str, api_key_name: str) -> CreatedApiKey:
    """Create a key of `app_id`.

    The raw key is in one answer only. If that is lost, a second key is created, and a warning
    names the first one, as far as it is known: it can only be revoked by hand.
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
    if key.app_id != app_id:
        raise LifecycleError(
            f"the Account API answered with key {key.api_key_id} of app {key.app_id}, where one of "
            f"app {app_id} was asked for: revoke that key in the Parallel console, and report this"
        )
    return key

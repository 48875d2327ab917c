"""Revoke the keys that a rotation has replaced, once their overlap has passed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import wait

from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import reason_of
from parallel_provider.lifecycle.minting import revoke_key
from parallel_provider.lifecycle.rotating_key_state import RotatingApiKeyState
from parallel_provider.lifecycle.rotation import Replaced, due_to_revoke
from parallel_provider.lifecycle.run import Run


def server_time(run: Run) -> float | None:
    """Return the server's time in epoch seconds; None where it can't be had.

    An answer that refuses tells the time as well.
    """
    try:
        return run.server_time()
    except ParallelError:
        return run.api.server_time()


def retire(
    run: Run, state: RotatingApiKeyState, overlap: int, just_replaced: str | None
) -> RotatingApiKeyState:
    """Revoke what has had its overlap (in seconds); what fails stays on the list.

    The server's time decides, never this machine's clock, which may be wrong. The key that this run
    has replaced (`just_replaced` is its id) is revoked only where there is no overlap.
    """
    due = _due(run, state, overlap, just_replaced)
    failures = revoke_keys(run, state.app_id, state.org_id, due)
    for key, reason in failures:
        run.messages.warn(
            f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
            f"on the list of {state.api_key_name!r}; the next run tries again: {reason}"
        )
    failed = tuple(key for key, _ in failures)
    revoked = tuple(key for key in due if key not in failed)
    return state.without(revoked, failed)


def revoke_keys(
    run: Run, app_id: str, org_id: str, keys: Sequence[Replaced]
) -> list[tuple[Replaced, str]]:
    """Revoke keys side by side; return those that may still work, each with the reason.

    However many there are, it takes no longer than one call may take: a new key's state may be
    waiting to be kept.
    """

    def attempt(key: Replaced) -> str | None:
        try:
            revoke_key(run, app_id, key.api_key_id, org_id)
        except Exception as error:  # noqa: BLE001 - it must not spare the others
            return reason_of(error)
        return None

    if len(keys) == 1:
        reasons = [attempt(keys[0])]
    else:
        attempts = [run.revoking.submit(attempt, key) for key in keys]
        wait(attempts, timeout=run.api.call_seconds)
        too_late = f"it wasn't done within {run.api.call_seconds:g} seconds"
        for unfinished in attempts:
            unfinished.cancel()
        reasons = [
            one.result() if one.done() and not one.cancelled() else too_late for one in attempts
        ]
    return [(key, reason) for key, reason in zip(keys, reasons, strict=True) if reason is not None]


def _due(
    run: Run, state: RotatingApiKeyState, overlap: int, just_replaced: str | None
) -> tuple[Replaced, ...]:
    if overlap == 0:
        return state.replaced
    replaced = [key for key in state.replaced if key.api_key_id != just_replaced]
    due_by_this_machine = due_to_revoke(replaced, overlap, run.clock())
    now = run.api.server_time()
    if now is None and due_by_this_machine:
        now = server_time(run)
    if now is not None:
        return due_to_revoke(replaced, overlap, now)
    if due_by_this_machine:
        names = ", ".join(repr(key.api_key_name) for key in due_by_this_machine)
        run.messages.warn(
            f"The overlap of {names} has passed by this machine's clock, but the Account API's "
            "answers don't tell its time, so nothing was revoked: this machine's clock alone never "
            'revokes a key. With overlap="0s" it is revoked whatever the time is.'
        )
    return ()

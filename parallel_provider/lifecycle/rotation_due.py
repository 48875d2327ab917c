"""What is due for a rotating key in this run. The server's time decides where it is known."""

from __future__ import annotations

from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.declarations import Props, changed_inputs
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.rotating_api_key_state import (
    RotatingApiKeyInputs,
    RotatingApiKeyState,
    seconds,
)
from parallel_provider.lifecycle.rotation import (
    Plan,
    RetiredKey,
    clock_sentence,
    due_to_revoke,
    plan,
)
from parallel_provider.lifecycle.run import Context, Run

# A smaller difference of the clocks is normal: a run may come just when something gets due.
_NOTABLE_DIFFERENCE_SECONDS = 60.0


def plan_for(
    state: RotatingApiKeyState, inputs: Props, now: float, *, triggers_changed: bool
) -> Plan:
    """Return what is due at `now` (epoch seconds) by these inputs, which may hold UNKNOWN."""
    return plan(
        created_at=state.created_at,
        retired=state.retired_keys,
        rotate_after=seconds(inputs.get("rotate_after")),
        overlap=seconds(inputs.get("overlap")),
        triggers_changed=triggers_changed,
        now=now,
    )


def due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time, or by this machine's clock if that isn't known.

    Asks the server for its time only if something is due because of the time.
    """
    run = context.run
    news = dict(inputs)
    triggers_changed = "triggers" in changed_inputs(RotatingApiKeyInputs, state, news)
    here = run.clock()
    due_here = plan_for(state, news, here, triggers_changed=triggers_changed)
    if due_here.rotate_because == "age" or (due_here.revoke and parse_duration(inputs.overlap)):
        _ask_server_time(run)
    now = run.api.server_time()
    if now is None:
        return due_here
    due = plan_for(state, news, now, triggers_changed=triggers_changed)
    sentence = clock_sentence(state.api_key_name, due_here, due, here - now)
    if sentence is not None:
        is_wrong = abs(here - now) >= _NOTABLE_DIFFERENCE_SECONDS
        (context.warn if is_wrong else context.info)(sentence)
    return due


def keys_to_revoke_now(
    context: Context, state: RotatingApiKeyState, overlap: int, just_retired: str | None
) -> tuple[RetiredKey, ...]:
    """Return the keys to revoke. The server's time decides, as this machine's may be wrong."""
    if overlap == 0:
        return state.retired_keys
    run = context.run
    retired = [key for key in state.retired_keys if key.api_key_id != just_retired]
    due_here = due_to_revoke(retired, overlap, run.clock())
    now = _ask_server_time(run) if due_here else run.api.server_time()
    if now is not None:
        return due_to_revoke(retired, overlap, now)
    if due_here:
        names = ", ".join(repr(key.api_key_name) for key in due_here)
        context.warn(
            f"The overlap of {names} has passed by this machine's clock, but the Account API's "
            "answers don't tell its time, so nothing was revoked: this machine's clock alone never "
            'revokes a key. With overlap="0s" it is revoked whatever the time is.'
        )
    return ()


def _ask_server_time(run: Run) -> float | None:
    """Return the server's time in epoch seconds; None if it can't be known.

    An answer with an error has the time as well.
    """
    try:
        return run.server_time()
    except ParallelError:
        return run.api.server_time()

"""RotatingApiKey: a key that is renewed in place. /service/v1/apps/{app_id}/keys and …/{id}."""

from __future__ import annotations

from typing import Any, ClassVar

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_key import (
    APP_KEYS,
    create_key,
    drops_raw_key,
    organization_of,
    read_key,
    seen_by_now,
    without_raw_keys,
)
from parallel_provider.lifecycle.declarations import Props, changed_inputs
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.machine_lock import noting_unfinished
from parallel_provider.lifecycle.one_time_secret import SecretId, revoke_secrets
from parallel_provider.lifecycle.resource import Diff, Lifecycle
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
    generation_name,
    plan,
    sentences,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import UNKNOWN

# A smaller difference of the clocks is normal: a run may come just when something gets due.
_NOTABLE_DIFFERENCE_SECONDS = 60.0


class RotatingApiKeyLifecycle(Lifecycle[RotatingApiKeyInputs, RotatingApiKeyState]):
    """Rotates if the current key is old enough or `triggers` change, and at no other time."""

    kind: ClassVar[str] = "RotatingApiKey"
    created_marker: ClassVar[str] = "api_key_id"
    inputs_type = RotatingApiKeyInputs
    state_type = RotatingApiKeyState

    def diff(self, context: Context, state: RotatingApiKeyState, news: Props) -> Diff:
        """Compare inputs, find what is due, and tell the user what that is."""
        diff = super().diff(context, state, news)
        if diff.replaces:
            return diff
        changed = changed_inputs(self.inputs_type, state, news)
        now = context.run.clock()
        due = _plan(state, news, now, triggers_changed="triggers" in changed)
        for sentence in sentences(
            due,
            current_name=state.api_key_name,
            age=now - state.created_at,
            rotate_after=state.rotate_after,
            at_once=seconds(news.get("overlap")) == 0,
        ):
            context.info(sentence)
        return Diff(
            changed=bool(changed) or drops_raw_key(state, news) or not due.is_empty,
            by_inputs=bool(changed),
        )

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. There is no previous key yet."""
        expected = super().expect_create(context, inputs)
        expected |= {name: None for name in expected if name.startswith("previous_")}
        return without_raw_keys({**expected, "generation": 1, "keys_to_revoke": []}, inputs)

    def expect_update(
        self, context: Context, state: RotatingApiKeyState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. Without a rotation, the current key is known."""
        changed = changed_inputs(self.inputs_type, state, inputs)
        due = _plan(state, inputs, context.run.clock(), triggers_changed="triggers" in changed)
        overlap, rotate_after = inputs.get("overlap", "1d"), inputs.get("rotate_after")
        if due.rotate_because is not None:
            name = generation_name(str(inputs.get("api_key_name")), state.generation + 1)
            expected = state.expect_rotation(name, overlaps=seconds(overlap) != 0)
        else:
            updated = state.without(due.revoke, ())
            expected = dict(updated)
            if isinstance(rotate_after, str) and isinstance(overlap, str):
                expected = dict(updated.with_durations(rotate_after, overlap))
            else:
                expected |= {"next_rotation_at": UNKNOWN, "previous_expires_at": UNKNOWN}
        declared = {"rotate_after": rotate_after, "overlap": overlap}
        return without_raw_keys(
            {**expected, **declared, "triggers": inputs.get("triggers")}, inputs
        )

    def create(self, context: Context, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
        """Create the first generation."""
        context.run.require_allowed_organization()
        org_id = organization_of(context.run, inputs.app_id)
        seen_by = seen_by_now(context.run, inputs.app_id)

        def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
            return RotatingApiKeyState(
                **outputs,
                org_id=org_id,
                seen_by=seen_by,
                triggers=inputs.triggers,
                rotate_after=inputs.rotate_after,
                overlap=inputs.overlap,
                next_rotation_at=outputs["created_at"] + parse_duration(inputs.rotate_after),
            )

        return create_key(context, inputs, inputs.api_key_name, state_of)

    def read(self, context: Context, state: RotatingApiKeyState) -> RotatingApiKeyState | None:
        """Find its app."""
        return read_key(context, state)

    def update(
        self, context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due. A failed revocation loses no new key.

        The server's time decides if it is known. The preview has used this machine's clock.
        """
        context.run.require_allowed_organization()
        due = _due_now(context, state, inputs)
        updated = state
        if due.rotate_because is not None:
            updated = _rotate(context, state, inputs)
        just_retired = state.api_key_id if updated is not state else None
        updated = _revoke_retired(context, updated, parse_duration(inputs.overlap), just_retired)
        if not inputs.keep_raw_api_key:
            updated = updated.model_copy(update={"raw_api_key": None, "previous_raw_api_key": None})
        return updated.with_durations(inputs.rotate_after, inputs.overlap)

    def delete(self, context: Context, state: RotatingApiKeyState) -> None:
        """Revoke every key that it still has, also if one of them fails."""
        context.run.require_allowed_organization()
        current = SecretId(state.api_key_id, state.api_key_name)
        keys = (current, *map(_secret_id, state.retired_keys))
        failed = revoke_secrets(context, APP_KEYS, state.place, keys)
        failures = [
            f"{key.name!r} ({key.secret_id}): {failed[key.secret_id]}"
            for key in keys
            if key.secret_id in failed
        ]
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its keys couldn't be revoked, run again to retry: "
                + "; ".join(failures)
            )


def _plan(state: RotatingApiKeyState, inputs: Props, now: float, *, triggers_changed: bool) -> Plan:
    return plan(
        created_at=state.created_at,
        retired=state.retired_keys,
        rotate_after=seconds(inputs.get("rotate_after")),
        overlap=seconds(inputs.get("overlap")),
        triggers_changed=triggers_changed,
        now=now,
    )


def _due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time, or by this machine's clock if that isn't known.

    Asks the server for its time only if something is due because of the time.
    """
    run = context.run
    news = dict(inputs)
    triggers_changed = "triggers" in changed_inputs(RotatingApiKeyInputs, state, news)
    here = run.clock()
    due_here = _plan(state, news, here, triggers_changed=triggers_changed)
    if due_here.rotate_because == "age" or (due_here.revoke and parse_duration(inputs.overlap)):
        _ask_server_time(run)
    now = run.api.server_time()
    if now is None:
        return due_here
    due = _plan(state, news, now, triggers_changed=triggers_changed)
    sentence = clock_sentence(state.api_key_name, due_here, due, here - now)
    if sentence is not None:
        is_wrong = abs(here - now) >= _NOTABLE_DIFFERENCE_SECONDS
        (context.warn if is_wrong else context.info)(sentence)
    return due


def _rotate(
    context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation. The current key becomes the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)

    def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
        rotated = state.rotated_to({**outputs, "triggers": inputs.triggers})
        return rotated.with_durations(inputs.rotate_after, inputs.overlap)

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        rotated = create_key(context, inputs, name, state_of)
    context.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} "
        f"({rotated.api_key_id})."
    )
    if was_interrupted:
        context.warn(
            f"An earlier run was interrupted while it created {name!r}, so a second key of that "
            f"name may exist in app {state.app_id} that nobody holds. The one that counts is "
            f"{rotated.api_key_id}: revoke any other key of that name in the Parallel console."
        )
    return rotated


def _revoke_retired(
    context: Context, state: RotatingApiKeyState, overlap: int, just_retired: str | None
) -> RotatingApiKeyState:
    """Revoke the retired keys whose overlap (in seconds) has passed. Keys that fail stay listed.

    `just_retired` is the id of the key that this run has retired. It is revoked only if there is no
    overlap.
    """
    due = _due_to_revoke(context, state, overlap, just_retired)
    failures = revoke_secrets(context, APP_KEYS, state.place, list(map(_secret_id, due)))
    failed = [key for key in due if key.api_key_id in failures]
    for key in failed:
        context.warn(
            f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
            f"on the list of {state.api_key_name!r}; the next run tries again: "
            f"{failures[key.api_key_id]}"
        )
    return state.without([key for key in due if key not in failed], failed)


def _due_to_revoke(
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


def _secret_id(key: RetiredKey) -> SecretId:
    return SecretId(key.api_key_id, key.api_key_name)

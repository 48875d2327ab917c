"""RotatingApiKey: a key that is renewed in place. /service/v1/apps/{app_id}/keys and …/{id}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app_key import (
    APP_KEYS,
    create_key,
    deliver_again,
    organization_of,
    read_key,
    seen_by_now,
    updates_of_key,
    without_raw_keys,
)
from parallel_provider.lifecycle.declarations import Props, changed_inputs
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.imported_key import imported_outputs
from parallel_provider.lifecycle.machine_lock import noting_unfinished
from parallel_provider.lifecycle.one_time_secret import SecretId, revoke_secrets
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf, UnfinishedError
from parallel_provider.lifecycle.rotating_api_key_state import (
    RotatingApiKeyInputs,
    RotatingApiKeyState,
    seconds,
)
from parallel_provider.lifecycle.rotation import (
    RetiredKey,
    generation_name,
    sentences,
)
from parallel_provider.lifecycle.rotation_due import due_now, keys_to_revoke_now, plan_for
from parallel_provider.lifecycle.run import Context
from parallel_provider.lifecycle.unknown import UNKNOWN
from parallel_provider.printable import field_name

# A program needs a value, and can't give one before the key is imported.
_IMPORTED_ROTATE_AFTER = "90d"


class RotatingApiKeyLifecycle(Lifecycle[RotatingApiKeyInputs, RotatingApiKeyState]):
    """Rotates if the current key is old enough or `triggers` change, and at no other time."""

    kind: ClassVar[str] = "RotatingApiKey"
    created_marker: ClassVar[str] = "api_key_id"
    inputs_type = RotatingApiKeyInputs
    state_type = RotatingApiKeyState

    def diff(self, context: Context, state: RotatingApiKeyState, news: Props) -> Diff:
        """Compare inputs, find what is due, and tell the user what that is."""
        diff = super().diff(context, state, news)
        changed = changed_inputs(self.inputs_type, state, news)
        if diff.replaces:
            return replace(diff, updates=tuple(sorted(changed)))
        now = context.run.clock()
        due = plan_for(state, news, now, triggers_changed="triggers" in changed)
        for sentence in sentences(
            due,
            current_name=state.api_key_name,
            age=now - state.created_at,
            rotate_after=state.rotate_after,
            at_once=seconds(news.get("overlap")) == 0,
        ):
            context.info(sentence)
        asking = {*changed, *updates_of_key(state, news)}
        if due.rotate_because == "age":
            asking.add("rotate_after")
        if due.revoke:
            asking.add("overlap")
        return Diff(updates=tuple(sorted(asking)), by_inputs=bool(changed))

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
        due = plan_for(state, inputs, context.run.clock(), triggers_changed="triggers" in changed)
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

    def import_state(
        self, context: Context, resource_id: str, raw_key_of: RawKeyOf
    ) -> RotatingApiKeyState:
        """Take over a key of this id, with durations that the program can change.

        Only its app can be checked. Its age counts from now.
        """
        outputs = imported_outputs(context, self.kind, resource_id, raw_key_of)
        context.info(
            f"{outputs['api_key_name']!r} is imported with {field_name('rotate_after')} "
            f"{_IMPORTED_ROTATE_AFTER}, counted from now, as the API doesn't tell when a key was "
            "created. Change `triggers` in a later run to rotate it sooner."
        )
        state = RotatingApiKeyState(
            **outputs, rotate_after=_IMPORTED_ROTATE_AFTER, overlap="1d", next_rotation_at=0
        )
        return state.with_durations(state.rotate_after, state.overlap)

    def with_first_inputs(self, state: RotatingApiKeyState, inputs: Props) -> RotatingApiKeyState:
        """Find the number of its generation, which the program's name tells."""
        return state.of_generation_in(inputs.get("api_key_name"))

    def update(
        self, context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due. A failed revocation loses no new key.

        The server's time decides if it is known. The preview has used this machine's clock.
        """
        context.run.require_allowed_organization()
        if state.undelivered:
            state = deliver_again(context, state, inputs)
        due = due_now(context, state, inputs)
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


def _rotate(
    context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation. The current key becomes the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)

    def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
        rotated = state.rotated_to({**outputs, "triggers": inputs.triggers})
        return rotated.with_durations(inputs.rotate_after, inputs.overlap)

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        try:
            rotated = create_key(context, inputs, name, state_of)
        except UnfinishedError as left:
            stray = dict(left.state)
            unfinished = state.with_stray(stray["api_key_id"], name, stray["creators"])
            raise UnfinishedError(left.reason, left.error, unfinished) from None
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
    due = keys_to_revoke_now(context, state, overlap, just_retired)
    failures = revoke_secrets(context, APP_KEYS, state.place, list(map(_secret_id, due)))
    failed = [key for key in due if key.api_key_id in failures]
    for key in failed:
        context.warn(
            f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
            f"on the list of {state.api_key_name!r}; the next run tries again: "
            f"{failures[key.api_key_id]}"
        )
    return state.without([key for key in due if key not in failed], failed)


def _secret_id(key: RetiredKey) -> SecretId:
    return SecretId(key.api_key_id, key.api_key_name)

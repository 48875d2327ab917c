"""RotatingApiKey: a key that is renewed in place. /service/v1/apps/{app_id}/keys and …/{id}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_key import (
    APP_KEYS,
    after_delivery,
    create_key,
    deliver,
    organization_of,
    read_key,
    seen_by_now,
    updates_by_delivery,
    warn_of_missing_raw_key,
)
from parallel_provider.lifecycle.claims import new_owner
from parallel_provider.lifecycle.declarations import Props, changed_inputs
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.imported_key import imported_outputs
from parallel_provider.lifecycle.machine_lock import noting_unfinished
from parallel_provider.lifecycle.one_time_secret import revoke_secrets, stray_text
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf, UnfinishedError
from parallel_provider.lifecycle.rotating_api_key_state import (
    RotatingApiKeyInputs,
    RotatingApiKeyState,
    seconds,
)
from parallel_provider.lifecycle.rotation import (
    Plan,
    RetiredKey,
    certain_time,
    generation_name,
    plan,
    sentences,
)
from parallel_provider.lifecycle.run import Context, Run
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
        if context.run.claims.has_program:
            state.hold(context)
        now = context.run.clock()
        due = _plan_at(now, state, news)
        for sentence in sentences(
            due,
            current_name=state.api_key_name,
            age=now - state.created_at,
            rotate_after=f"{news.get('rotate_after')}{' now' if 'rotate_after' in changed else ''}",
            at_once=seconds(news.get("overlap")) == 0,
        ):
            context.info(sentence)
        if due.rotate_because is None:
            warn_of_missing_raw_key(context, state, news)
        asking = {*changed, *updates_by_delivery(state, news)}
        if due.rotate_because == "age":
            asking.add("rotate_after")
        if due.revoke:
            asking.add("overlap")
        return Diff(updates=tuple(sorted(asking)), by_inputs=bool(changed))

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. There is no previous key yet."""
        expected = super().expect_create(context, inputs)
        expected |= {name: None for name in expected if name.startswith("previous_")}
        expected |= {"delivered": (), "generation": 1, "keys_to_revoke": []}
        return after_delivery(expected, inputs)

    def expect_update(
        self, context: Context, state: RotatingApiKeyState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. Without a rotation, the current key is known."""
        due = _plan_at(context.run.clock(), state, inputs)
        overlap, rotate_after = inputs.get("overlap"), inputs.get("rotate_after")
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
        return after_delivery({**expected, **declared, "triggers": inputs.get("triggers")}, inputs)

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
                owner_id=new_owner(),
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
        state.hold(context)
        return state.with_durations(state.rotate_after, state.overlap)

    def with_first_inputs(self, state: RotatingApiKeyState, inputs: Props) -> RotatingApiKeyState:
        """Find the number of its generation, which the program's name tells."""
        return state.of_generation_in(inputs.get("api_key_name"))

    def update(
        self, context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due. A failed revocation loses no new key."""
        context.run.require_allowed_organization()
        due = _due_now(context, state, inputs)
        if due.rotate_because is not None:
            updated = _rotate(context, state, inputs)
        else:
            updated = deliver(context, state, inputs)
        # Without an overlap, this is also the key that was current until now.
        at_once = parse_duration(inputs.overlap) == 0
        updated = _revoke(context, updated, updated.retired_keys if at_once else due.revoke)
        return updated.with_durations(inputs.rotate_after, inputs.overlap)

    def delete(self, context: Context, state: RotatingApiKeyState) -> None:
        """Revoke every key that it still has, also if one of them fails."""
        context.run.require_allowed_organization()
        context.refuse_after_failed_creation()
        keys = state.held_keys
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
        state.release(context)


def _rotate(
    context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation. The current key becomes the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)
    # An earlier run has tried it after the key that is the current one until now was there.
    created = context.run.span(state.created_at)

    def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
        rotated = state.rotated_to({**outputs, "triggers": inputs.triggers})
        return rotated.with_durations(inputs.rotate_after, inputs.overlap)

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        try:
            stay = [key.secret_id for key in state.held_keys]
            rotated = create_key(context, inputs, name, state_of, stay)
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
            f"name may exist in app {state.app_id} that nobody holds. "
            + stray_text("it", created, [key.secret_id for key in rotated.held_keys])
        )
    return rotated


def _plan_at(now: float | None, state: RotatingApiKeyState, inputs: Props) -> Plan:
    """Return what is due at `now` (epoch seconds) by these inputs, which may hold UNKNOWN."""
    return plan(
        created_at=state.created_at,
        retired=state.retired_keys,
        rotate_after=seconds(inputs.get("rotate_after")),
        overlap=seconds(inputs.get("overlap")),
        triggers_changed="triggers" in changed_inputs(RotatingApiKeyInputs, state, inputs),
        now=now,
    )


def _due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time and by this machine's clock.

    The preview has announced what is due by this machine's clock. Asks the server for its time only
    if that is more than what is due at any time.
    """
    here, news = context.run.clock(), dict(inputs)
    announced = _plan_at(here, state, news)
    if announced == _plan_at(None, state, news):
        return announced
    at_server = _server_time(context.run)
    due = _plan_at(certain_time(here, at_server), state, news)
    if due != announced:
        reason = (
            "the Account API's answers don't tell its time"
            if at_server is None
            else "it isn't due yet by the Account API's time. Check this machine's clock"
        )
        context.warn(
            f"{state.api_key_name!r}: what was announced because of the time is left for a later "
            f"run, as {reason}."
        )
    return due


def _server_time(run: Run) -> float | None:
    """Return the server's time in epoch seconds; None if it can't be known.

    An answer with an error has the time as well.
    """
    try:
        return run.server_time()
    except ParallelError:
        return run.api.server_time()


def _revoke(
    context: Context, state: RotatingApiKeyState, due: Sequence[RetiredKey]
) -> RotatingApiKeyState:
    """Revoke retired keys. Those that fail stay listed."""
    failures = revoke_secrets(context, APP_KEYS, state.place, list(map(state.secret_id, due)))
    failed = [key for key in due if key.api_key_id in failures]
    for key in failed:
        context.warn(
            f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
            f"on the list of {state.api_key_name!r}; the next run tries again: "
            f"{failures[key.api_key_id]}"
        )
    return state.without([key for key in due if key not in failed], failed)

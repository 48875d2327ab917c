"""RotatingApiKey: a key that is renewed in place. /service/v1/apps/{app_id}/keys and …/{id}."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from parallel_provider.lifecycle.api_key import organization_of
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.delivery import (
    DeliveryInputs,
    check_delivery,
    mint_and_deliver,
)
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.key_state import read_key
from parallel_provider.lifecycle.resource import (
    Checked,
    Diff,
    Lifecycle,
    Props,
    same,
)
from parallel_provider.lifecycle.retirement import retire, revoke_keys, server_time
from parallel_provider.lifecycle.rotating_key_state import RotatingApiKeyState
from parallel_provider.lifecycle.rotation import (
    Plan,
    Replaced,
    clock_sentence,
    generation_name,
    plan,
    sentences,
)
from parallel_provider.lifecycle.run import Run
from parallel_provider.lifecycle.unfinished import noting_unfinished

# Below this, the clocks may well be right: a run came in the very moment in which something is due.
_NOTABLE_DIFFERENCE_SECONDS = 60.0


class RotatingApiKeyInputs(DeliveryInputs, frozen=True, kw_only=True):
    """What a user says of a rotating key."""

    app_id: str
    api_key_name: str
    rotate_after: str
    overlap: str
    triggers: Any = None


class RotatingApiKeyLifecycle(Lifecycle[RotatingApiKeyInputs, RotatingApiKeyState]):
    """Rotates when the current key is old enough or `triggers` change, and at no other time."""

    kind: ClassVar[str] = "RotatingApiKey"
    name_input: ClassVar[str] = "api_key_name"
    known_by: ClassVar[str] = "api_key_id"
    inputs_type = RotatingApiKeyInputs
    state_type = RotatingApiKeyState

    def check(self, run: Run, olds: Props, news: Props) -> Checked:  # noqa: ARG002
        """Names must be visible, ids UUIDs, and the overlap no longer than a key's life."""
        check = InputCheck(news)
        check.default_from("api_key_name", "default_api_key_name", olds)
        check.uuid("app_id")
        check.text("api_key_name")
        rotate_after = check.duration("rotate_after")
        overlap = check.duration("overlap")
        if rotate_after == 0:
            check.refuse("rotate_after", "must be longer than 0 seconds")
        elif rotate_after is not None and overlap is not None and overlap > rotate_after:
            check.refuse("overlap", f"must be at most rotate_after ({news['rotate_after']})")
        check.json_like("triggers")
        check_delivery(check)
        return check.result()

    def diff(self, run: Run, state: RotatingApiKeyState, news: Props) -> Diff:
        """Say what is due, in words too: an update in place shows no reason by itself."""
        replaces = []
        if not same(state.app_id, news.get("app_id")):
            replaces.append("app_id")
        name = news.get("api_key_name")
        if not isinstance(name, str) or generation_name(name, state.generation) != (
            state.api_key_name
        ):
            replaces.append("api_key_name")
        if replaces:
            return Diff(changed=True, replaces=tuple(replaces))
        rotate_after, overlap = _seconds(news.get("rotate_after")), _seconds(news.get("overlap"))
        triggers_changed = not same(state.triggers, news.get("triggers"))
        due = plan(
            created_at=state.created_at,
            replaced=state.replaced,
            rotate_after=rotate_after,
            overlap=overlap,
            triggers_changed=triggers_changed,
            now=run.clock(),
        )
        for sentence in sentences(
            due,
            current_name=state.api_key_name,
            age=run.clock() - state.created_at,
            rotate_after=state.rotate_after,
            at_once=overlap == 0,
        ):
            run.messages.info(sentence)
        moved = (rotate_after, overlap) != (_seconds(state.rotate_after), _seconds(state.overlap))
        drops_raw_key = state.raw_api_key is not None and news.get("keep_raw_api_key") is False
        return Diff(
            changed=moved or drops_raw_key or not due.is_empty,
            by_inputs=moved or triggers_changed,
        )

    def create(self, run: Run, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
        """Create the first generation."""
        run.require_allowed_organization()
        org_id = organization_of(run, inputs.app_id)

        def state_of(kept: dict[str, Any]) -> RotatingApiKeyState:
            return RotatingApiKeyState(
                **kept,
                org_id=org_id,
                triggers=inputs.triggers,
                rotate_after=inputs.rotate_after,
                overlap=inputs.overlap,
                next_rotation_at=kept["created_at"] + parse_duration(inputs.rotate_after),
            )

        return mint_and_deliver(run, inputs.app_id, inputs.api_key_name, inputs, state_of)

    def read(self, run: Run, state: RotatingApiKeyState) -> RotatingApiKeyState | None:
        """Find its app, the only sign of its keys that there is."""
        return read_key(run, state)

    def update(
        self, run: Run, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due; a new key is never lost by the latter.

        The server's time decides, wherever it is known: the preview went by this machine's.
        """
        run.require_allowed_organization()
        overlap = parse_duration(inputs.overlap)
        triggers_changed = not same(state.triggers, inputs.triggers)

        def due_at(now: float) -> Plan:
            return plan(
                created_at=state.created_at,
                replaced=state.replaced,
                rotate_after=parse_duration(inputs.rotate_after),
                overlap=overlap,
                triggers_changed=triggers_changed,
                now=now,
            )

        here = run.clock()
        expected = due = due_at(here)
        if expected.rotate_because == "age" or (expected.revoke and overlap):
            server_time(run)
        now = run.api.server_time()
        if now is not None:
            due = due_at(now)
            _tell_of_the_clock(run, state, expected, due, here - now)
        updated = state
        if due.rotate_because is not None:
            updated = _rotate(run, state, inputs)
        just_replaced = state.api_key_id if updated is not state else None
        updated = retire(run, updated, overlap, just_replaced)
        if not inputs.keep_raw_api_key:
            updated = msgspec.structs.replace(updated, raw_api_key=None, previous_raw_api_key=None)
        return updated.scheduled(inputs.rotate_after, inputs.overlap)

    def delete(self, run: Run, state: RotatingApiKeyState) -> None:
        """Revoke every key that it still holds; one that fails doesn't spare the others."""
        run.require_allowed_organization()
        current = Replaced(state.api_key_id, state.api_key_name, state.created_at)
        failures = [
            f"{key.api_key_name!r} ({key.api_key_id}): {reason}"
            for key, reason in revoke_keys(
                run, state.app_id, state.org_id, (current, *state.replaced)
            )
        ]
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its keys couldn't be revoked, run again to retry: "
                + "; ".join(failures)
            )


def _rotate(
    run: Run, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation, and make the current key the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)

    def state_of(kept: dict[str, Any]) -> RotatingApiKeyState:
        rotated = state.with_replaced({**kept, "triggers": inputs.triggers})
        return rotated.scheduled(inputs.rotate_after, inputs.overlap)

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        rotated = mint_and_deliver(run, state.app_id, name, inputs, state_of)
    run.messages.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} "
        f"({rotated.api_key_id})."
    )
    if was_interrupted:
        run.messages.warn(
            f"An earlier run was interrupted while it created {name!r}, so a second key of that "
            f"name may exist in app {state.app_id} that nobody holds. The one that counts is "
            f"{rotated.api_key_id}: revoke any other key of that name in the Parallel console."
        )
    return rotated


def _tell_of_the_clock(
    run: Run, state: RotatingApiKeyState, here: Plan, at_server: Plan, ahead: float
) -> None:
    """Say so where the server's time decides otherwise than this machine's clock.

    `ahead` is by how many seconds this machine's clock is ahead of the server's.
    """
    sentence = clock_sentence(state.api_key_name, here, at_server, ahead)
    if sentence is None:
        return
    is_wrong = abs(ahead) >= _NOTABLE_DIFFERENCE_SECONDS
    (run.messages.warn if is_wrong else run.messages.info)(sentence)


def _seconds(duration: object) -> int | None:
    """Return a checked duration's seconds; None while it isn't known."""
    return parse_duration(duration) if isinstance(duration, str) else None

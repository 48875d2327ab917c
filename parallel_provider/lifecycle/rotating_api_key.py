"""RotatingApiKey: a key that is renewed in place. /service/v1/apps/{app_id}/keys and …/{id}."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.api_key import organization_of
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.delivery import (
    DeliveryInputs,
    check_delivery,
    kept_of,
    mint_and_deliver,
)
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.errors import LifecycleError, reason_of
from parallel_provider.lifecycle.key_state import KeyState, read_key
from parallel_provider.lifecycle.minting import revoke_key
from parallel_provider.lifecycle.resource import (
    Checked,
    Diff,
    Lifecycle,
    Model,
    Props,
    same,
)
from parallel_provider.lifecycle.rotation import (
    Replaced,
    due_to_revoke,
    generation_name,
    plan,
    sentences,
)
from parallel_provider.lifecycle.run import Run
from parallel_provider.typed import SecretStr


class RotatingApiKeyInputs(DeliveryInputs, frozen=True, kw_only=True):
    """What a user says of a rotating key."""

    app_id: str
    api_key_name: str
    rotate_after: str
    overlap: str
    triggers: Any = None


class KeyToRevoke(Model, frozen=True, kw_only=True):
    """A key that is neither current nor previous, and not revoked yet."""

    api_key_id: str
    api_key_name: str
    replaced_at: int


class RotatingApiKeyState(KeyState, frozen=True, kw_only=True):
    """What is known of a rotating key: the current key, the one before it, and when what is due.

    Times are epoch seconds; `created_at` is the current key's, by the server's clock.
    """

    generation: int = 1
    rotate_after: str
    overlap: str
    next_rotation_at: int
    previous_api_key_id: str | None = None
    previous_api_key_name: str | None = None
    previous_raw_api_key: SecretStr | None = None
    previous_expires_at: int | None = None
    keys_to_revoke: tuple[KeyToRevoke, ...] = ()

    @property
    def replaced(self) -> tuple[Replaced, ...]:
        """All keys but the current one that aren't revoked yet, the latest first."""
        older = tuple(Replaced(**msgspec.structs.asdict(key)) for key in self.keys_to_revoke)
        if self.previous_api_key_id is None:
            return older
        name = self.previous_api_key_name or ""
        return (Replaced(self.previous_api_key_id, name, self.created_at), *older)


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
        due = plan(
            created_at=state.created_at,
            replaced=state.replaced,
            rotate_after=rotate_after,
            overlap=overlap,
            triggers_changed=not same(state.triggers, news.get("triggers")),
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
        return Diff(changed=moved or drops_raw_key or not due.is_empty)

    def create(self, run: Run, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
        """Create the first generation."""
        run.require_allowed_organization()
        org_id = organization_of(run, inputs.app_id)
        key = mint_and_deliver(run, inputs.app_id, inputs.api_key_name, org_id, inputs)
        return RotatingApiKeyState(
            **kept_of(key, inputs),
            api_key_name=inputs.api_key_name,
            org_id=org_id,
            generation=1,
            triggers=inputs.triggers,
            **_schedule(inputs, key.created_at, has_previous=False),
        )

    def read(self, run: Run, state: RotatingApiKeyState) -> RotatingApiKeyState | None:
        """Find its app, the only sign of its keys that there is."""
        return read_key(run, state)

    def update(
        self, run: Run, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due; a new key is never lost by the latter."""
        run.require_allowed_organization()
        due = plan(
            created_at=state.created_at,
            replaced=state.replaced,
            rotate_after=_seconds(inputs.rotate_after),
            overlap=_seconds(inputs.overlap),
            triggers_changed=not same(state.triggers, inputs.triggers),
            now=run.clock(),
        )
        if due.rotate_because is not None:
            state = _rotate(run, state, inputs)
        state = _revoke_due(run, state, inputs)
        if not inputs.keep_raw_api_key:
            state = msgspec.structs.replace(state, raw_api_key=None, previous_raw_api_key=None)
        has_previous = state.previous_api_key_id is not None
        schedule = _schedule(inputs, state.created_at, has_previous=has_previous)
        return msgspec.structs.replace(state, **schedule)

    def delete(self, run: Run, state: RotatingApiKeyState) -> None:
        """Revoke every key that it still holds; one that fails doesn't spare the others."""
        run.require_allowed_organization()
        current = Replaced(state.api_key_id, state.api_key_name, state.created_at)
        failures = []
        for key in (current, *state.replaced):
            try:
                revoke_key(run, state.app_id, key.api_key_id, state.org_id)
            except ParallelError as error:
                failures.append(f"{key.api_key_name!r} ({key.api_key_id}): {error}")
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its keys couldn't be revoked, run again to retry: "
                + "; ".join(failures)
            )


def _rotate(
    run: Run, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation, and make the current key the previous one."""
    generation = state.generation + 1
    name = generation_name(inputs.api_key_name, generation)
    key = mint_and_deliver(run, state.app_id, name, state.org_id, inputs)
    run.messages.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} ({key.api_key_id}). "
        "If an earlier run was interrupted just here, revoke any other key of that name in app "
        f"{state.app_id}."
    )
    older = state.keys_to_revoke
    if state.previous_api_key_id is not None:
        older = (
            KeyToRevoke(
                api_key_id=state.previous_api_key_id,
                api_key_name=state.previous_api_key_name or "",
                replaced_at=state.created_at,
            ),
            *older,
        )
    return msgspec.structs.replace(
        state,
        **kept_of(key, inputs),
        api_key_name=name,
        generation=generation,
        triggers=inputs.triggers,
        previous_api_key_id=state.api_key_id,
        previous_api_key_name=state.api_key_name,
        previous_raw_api_key=state.raw_api_key,
        keys_to_revoke=older,
    )


def _revoke_due(
    run: Run, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Revoke what has had its overlap; what fails stays on the list for the next run."""
    # The server's clock may be ahead: a key it has just created isn't from the future.
    now = max(run.clock(), state.created_at)
    due = due_to_revoke(state.replaced, _seconds(inputs.overlap), now)
    failed = []
    for key in due:
        try:
            revoke_key(run, state.app_id, key.api_key_id, state.org_id)
        except Exception as error:  # noqa: BLE001 - a new key hangs on this run's success
            failed.append(key)
            run.messages.warn(
                f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
                f"on the list of {state.api_key_name!r}; the next run tries again: "
                f"{reason_of(error)}"
            )
    left = [key for key in state.replaced if key not in due or key in failed]
    if any(key.api_key_id == state.previous_api_key_id for key in due):
        state = msgspec.structs.replace(
            state, previous_api_key_id=None, previous_api_key_name=None, previous_raw_api_key=None
        )
    older = [key for key in left if key.api_key_id != state.previous_api_key_id]
    return msgspec.structs.replace(
        state, keys_to_revoke=tuple(KeyToRevoke(**vars(key)) for key in older)
    )


def _schedule(
    inputs: RotatingApiKeyInputs, created_at: int, *, has_previous: bool
) -> dict[str, Any]:
    """Return the outputs that follow from the durations."""
    expires_at = created_at + parse_duration(inputs.overlap)
    return {
        "rotate_after": inputs.rotate_after,
        "overlap": inputs.overlap,
        "next_rotation_at": created_at + parse_duration(inputs.rotate_after),
        "previous_expires_at": expires_at if has_previous else None,
    }


def _seconds(duration: object) -> int | None:
    """Return a checked duration's seconds; None while it isn't known."""
    return parse_duration(duration) if isinstance(duration, str) else None

"""ApiKey: one key of an app. /service/v1/apps/{app_id}/keys and …/keys/{api_key_id}."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from parallel_provider.lifecycle.app_key import (
    APP_KEYS,
    KeyInputs,
    KeyState,
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
from parallel_provider.lifecycle.declarations import OnChange, Props, ReplaceOnChange
from parallel_provider.lifecycle.field_types import JsonLike
from parallel_provider.lifecycle.imported_key import imported_outputs
from parallel_provider.lifecycle.one_time_secret import revoke_secret
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf
from parallel_provider.lifecycle.run import Context


class ApiKeyInputs(KeyInputs):
    """What a program says about a key."""

    triggers: Annotated[JsonLike, ReplaceOnChange(), OnChange("replaces the key")] = Field(
        default=None, description="Any JSON-like value."
    )


class ApiKeyState(KeyState):
    """The outputs of a key."""


class ApiKeyLifecycle(Lifecycle[ApiKeyInputs, ApiKeyState]):
    """Keys can be created and revoked. The API can't read them."""

    kind: ClassVar[str] = "ApiKey"
    created_marker: ClassVar[str] = "api_key_id"
    inputs_type = ApiKeyInputs
    state_type = ApiKeyState

    def diff(self, context: Context, state: ApiKeyState, news: Props) -> Diff:
        """Compare inputs. What isn't delivered, or not to be kept any more, needs an update."""
        diff = super().diff(context, state, news)
        if not diff.replaces:
            if context.run.claims.has_program:
                state.hold(context)
            warn_of_missing_raw_key(context, state, news)
        return replace(diff, updates=updates_by_delivery(state, news))

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create."""
        return after_delivery({**super().expect_create(context, inputs), "delivered": ()}, inputs)

    def expect_update(self, context: Context, state: ApiKeyState, inputs: Props) -> dict[str, Any]:
        """Return the outputs after an update."""
        return after_delivery(super().expect_update(context, state, inputs), inputs)

    def create(self, context: Context, inputs: ApiKeyInputs) -> ApiKeyState:
        """Create it, and keep the raw key."""
        context.run.require_allowed_organization()
        org_id = organization_of(context.run, inputs.app_id)
        seen_by = seen_by_now(context.run, inputs.app_id)
        return create_key(
            context,
            inputs,
            inputs.api_key_name,
            lambda outputs: ApiKeyState(
                **outputs,
                org_id=org_id,
                seen_by=seen_by,
                owner_id=new_owner(),
                triggers=inputs.triggers,
            ),
        )

    def read(self, context: Context, state: ApiKeyState) -> ApiKeyState | None:
        """Find its app."""
        return read_key(context, state)

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> ApiKeyState:
        """Manage a key of this id from now on. Only its app can be checked."""
        state = ApiKeyState(**imported_outputs(context, self.kind, resource_id, raw_key_of))
        state.hold(context)
        return state

    def update(self, context: Context, state: ApiKeyState, inputs: ApiKeyInputs) -> ApiKeyState:
        """Deliver it if that isn't done. Remove the raw key if it isn't to be kept any more."""
        return deliver(context, state, inputs)

    def delete(self, context: Context, state: ApiKeyState) -> None:
        """Revoke it."""
        context.run.require_allowed_organization()
        context.refuse_after_failed_creation()
        [key] = state.held_keys
        revoke_secret(context, APP_KEYS, state.place, key)
        state.release(context)

"""ApiKey: one key of an app. /service/v1/apps/{app_id}/keys and …/keys/{api_key_id}."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.delivery import (
    DeliveryInputs,
    check_delivery,
    mint_and_deliver,
)
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.key_state import KeyState, read_key
from parallel_provider.lifecycle.minting import revoke_key
from parallel_provider.lifecycle.resource import Checked, Diff, Lifecycle, Props
from parallel_provider.lifecycle.run import Run


class ApiKeyInputs(DeliveryInputs, frozen=True, kw_only=True):
    """What a user says of a key."""

    app_id: str
    api_key_name: str
    triggers: Any = None


class ApiKeyState(KeyState, frozen=True, kw_only=True):
    """What is known of a key."""


class ApiKeyLifecycle(Lifecycle[ApiKeyInputs, ApiKeyState]):
    """A key is created and revoked; the server can't be asked for it."""

    kind: ClassVar[str] = "ApiKey"
    name_input: ClassVar[str] = "api_key_name"
    known_by: ClassVar[str] = "api_key_id"
    replaced_by: ClassVar[tuple[str, ...]] = ("app_id", "api_key_name", "triggers")
    inputs_type = ApiKeyInputs
    state_type = ApiKeyState

    def check(self, run: Run, olds: Props, news: Props) -> Checked:  # noqa: ARG002
        """Names must be visible; the app's id must be a UUID."""
        check = InputCheck(news)
        check.default_from("api_key_name", "default_api_key_name", olds)
        check.uuid("app_id")
        check.text("api_key_name")
        check.json_like("triggers")
        check_delivery(check)
        return check.result()

    def diff(self, run: Run, state: ApiKeyState, news: Props) -> Diff:
        """Replace where that is asked for; a raw key that is no longer wanted is only dropped."""
        diff = super().diff(run, state, news)
        drops_raw_key = state.raw_api_key is not None and news.get("keep_raw_api_key") is False
        return Diff(changed=diff.changed or drops_raw_key, replaces=diff.replaces)

    def create(self, run: Run, inputs: ApiKeyInputs) -> ApiKeyState:
        """Create it, and keep the raw key."""
        run.require_allowed_organization()
        org_id = organization_of(run, inputs.app_id)
        return mint_and_deliver(
            run,
            inputs.app_id,
            inputs.api_key_name,
            inputs,
            lambda kept: ApiKeyState(**kept, org_id=org_id, triggers=inputs.triggers),
        )

    def read(self, run: Run, state: ApiKeyState) -> ApiKeyState | None:
        """Find its app, the only sign of it that there is."""
        return read_key(run, state)

    def update(self, run: Run, state: ApiKeyState, inputs: ApiKeyInputs) -> ApiKeyState:  # noqa: ARG002
        """Drop the raw key from the state where it isn't to be kept any more."""
        return (
            state if inputs.keep_raw_api_key else msgspec.structs.replace(state, raw_api_key=None)
        )

    def delete(self, run: Run, state: ApiKeyState) -> None:
        """Revoke it."""
        run.require_allowed_organization()
        revoke_key(run, state.app_id, state.api_key_id, state.org_id)


def organization_of(run: Run, app_id: str) -> str:
    """Return the id of the organization whose app this is; to be asked before a key is made."""
    app = run.apps.find(app_id)
    organization = run.apps.organization()
    if app is not None:
        return app.org_id
    if organization is not None:
        return organization.org_id
    raise LifecycleError(
        f"there is no app {app_id} for the access token: if it was deleted outside Pulumi, "
        "run `pulumi refresh`; otherwise check the token's organization"
    )

"""What is known of a key, whoever renews it: the answer of its creation, as it is kept."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic import SecretStr

from parallel_provider.lifecycle.resource import State
from parallel_provider.lifecycle.run import Run
from parallel_provider.lifecycle.sendable import is_valid_text


class KeyState(State, frozen=True, kw_only=True):
    """The outputs that every kind of key has. `created_at` is epoch seconds, by the server's clock.

    `raw_api_key` is None where the state isn't to keep it.
    """

    api_key_id: str
    api_key_name: str
    app_id: str
    app_name: str
    org_id: str
    created_by_user_id: str
    created_by_user_email: str
    display_value: str
    created_at: int
    raw_api_key: SecretStr | None = None
    raw_api_key_fingerprint: str
    triggers: Any = None

    @property
    def resource_id(self) -> str:
        """The key's id; that of the first one, where there are several, as an id can't change."""
        return self.api_key_id


KeyStateT = TypeVar("KeyStateT", bound=KeyState)


def read_key(run: Run, state: KeyStateT) -> KeyStateT | None:
    """Find a key's app: a key can't be read, and is there as long as its app is."""
    run.require_allowed_organization()
    app = run.apps.find(state.app_id)
    if app is not None and not is_valid_text(app.app_name):
        return state
    if app is not None:
        return msgspec.structs.replace(state, app_name=app.app_name)
    run.require_same_organization(state.org_id)
    return None

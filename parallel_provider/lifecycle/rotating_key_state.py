"""What is kept of a rotating key between runs."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import SecretStr

from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.key_state import KeyState
from parallel_provider.lifecycle.resource import Model
from parallel_provider.lifecycle.rotation import Replaced


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

    def with_replaced(self, key: dict[str, Any]) -> RotatingApiKeyState:
        """Return the state in which another key is current, and this one's is the previous one.

        `key` are the outputs that come from the new key.
        """
        return msgspec.structs.replace(
            self,
            **key,
            generation=self.generation + 1,
            previous_api_key_id=self.api_key_id,
            previous_api_key_name=self.api_key_name,
            previous_raw_api_key=self.raw_api_key,
            keys_to_revoke=tuple(KeyToRevoke(**vars(older)) for older in self.replaced),
        )

    def without(
        self, revoked: tuple[Replaced, ...], failed: tuple[Replaced, ...]
    ) -> RotatingApiKeyState:
        """Return the state after a revocation; what failed is on the list of keys to revoke."""
        left = [key for key in self.replaced if key not in revoked]
        state = self
        if any(key.api_key_id == self.previous_api_key_id for key in (*revoked, *failed)):
            state = msgspec.structs.replace(
                state,
                previous_api_key_id=None,
                previous_api_key_name=None,
                previous_raw_api_key=None,
            )
        older = [key for key in left if key.api_key_id != state.previous_api_key_id]
        return msgspec.structs.replace(
            state, keys_to_revoke=tuple(KeyToRevoke(**vars(key)) for key in older)
        )

    def scheduled(self, rotate_after: str, overlap: str) -> RotatingApiKeyState:
        """Return the state with the durations, and the times that follow from them."""
        has_previous = self.previous_api_key_id is not None
        return msgspec.structs.replace(
            self,
            rotate_after=rotate_after,
            overlap=overlap,
            next_rotation_at=self.created_at + parse_duration(rotate_after),
            previous_expires_at=self.created_at + parse_duration(overlap) if has_previous else None,
        )

"""How the emulator behaves, beyond what the API itself says."""

from __future__ import annotations

from dataclasses import dataclass

ALL_SCOPES = (
    "keys:read",
    "keys:create",
    "keys:delete",
    "apps:read",
    "apps:create",
    "apps:delete",
    "balance:read",
    "balance:add",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen at start, and changed by tests under `/_emulator/settings`."""

    auto_approve: bool = False
    latency_seconds: float = 0.0
    token_lifetime_seconds: int = 420
    poll_interval_seconds: int = 5
    device_code_lifetime_seconds: int = 600
    refresh_token_lifetime_seconds: int = 30 * 86_400
    authorization_lifetime_seconds: int = 90 * 86_400

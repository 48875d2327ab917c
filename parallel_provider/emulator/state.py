"""Everything the emulator remembers.

All of it is touched by the event loop's thread alone, and no operation awaits between reading
and writing it: each request's work is done as one step, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from .clock import Clock
from .device_code import SignIns
from .faults import FaultQueue
from .organization import Organization
from .settings import ALL_SCOPES, Settings
from .tokens import TokenStore

_LOG_LENGTH = 10_000
_LOGGED_PATH_LENGTH = 500


@dataclass(slots=True)
class LoggedRequest:
    """One line of the request log: what came and how it was answered, and no secret.

    `client_port` tells connections apart, as far as the server knows it.
    """

    method: str
    path: str
    at: float
    client_port: int | None
    status: int | None = None
    fault: str | None = None


class EmulatorState:
    """The organizations, their tokens, and what tests asked for."""

    def __init__(self, settings: Settings) -> None:
        self._initial_settings = settings
        self.clock = Clock()
        self.tokens = TokenStore(self.clock)
        self.sign_ins = SignIns(self.clock)
        self.faults = FaultQueue()
        self.requests: Counter[str] = Counter()
        self.log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        first = Organization()
        self._org_id, self._org_name = first.org_id, first.org_name
        self.settings = settings
        # Set when the emulator ends: whatever is being held back then is let go.
        self.closing = asyncio.Event()
        self.organizations = [first]
        self.access_token = self.tokens.mint_access(first, ALL_SCOPES, lifetime_seconds=None)

    @property
    def organization(self) -> Organization:
        """The organization that the first access token belongs to."""
        return self.organizations[0]

    def find_organization(self, org_id: str | None) -> Organization | None:
        """Return the organization of this id; the first one where none is named."""
        if not org_id:
            return self.organization
        return next((found for found in self.organizations if found.org_id == org_id), None)

    def reset(self) -> None:
        """Go back to how it all was at the start; the first access token stays good."""
        self.settings = self._initial_settings
        self.clock.offset_seconds = 0
        self.sign_ins.clear()
        self.faults.clear()
        self.requests.clear()
        self.log.clear()
        self.organizations = [Organization(org_id=self._org_id, org_name=self._org_name)]
        first_token = self.tokens.access[self.access_token]
        first_token.organization = self.organization
        self.tokens.clear()
        self.tokens.access[self.access_token] = first_token

    def record(self, method: str, path: str, route: str, client_port: int | None) -> LoggedRequest:
        """Count a request and put it in the log."""
        self.requests[f"{method} {route}"] += 1
        logged = LoggedRequest(method, path[:_LOGGED_PATH_LENGTH], self.clock.now(), client_port)
        self.log.append(logged)
        return logged


async def _state_of(request: Request) -> EmulatorState:
    state = request.app.state.emulator
    assert isinstance(state, EmulatorState)  # noqa: S101 - narrows what Starlette keeps untyped
    return state


State = Annotated[EmulatorState, Depends(_state_of)]

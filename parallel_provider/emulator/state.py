"""Everything that the emulator remembers, and its clock.

Only the event loop's thread reads and writes it. No operation awaits between its reads and its
writes, so each request's work is one step and nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.routing import Route

from .control_models import ALL_SCOPES, LoggedRequest, Settings
from .faults import FaultQueue
from .oauth import SignIns, TokenStore
from .organization import Organization, User

UNKNOWN_ROUTE = "unknown"
_LOG_LENGTH = 10_000
_LOGGED_PATH_LENGTH = 500


class Clock:
    """The emulator's time: the machine's, shifted by an offset that tests set."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Return the shifted time in epoch seconds."""
        return time.time() + self.offset_seconds


class RouteTable:
    """The route templates that requests are counted by and that faults name."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._routes = [
            route for router in routers for route in router.routes if isinstance(route, Route)
        ]

    @property
    def templates(self) -> set[str]:
        """All templates, such as `/service/v1/apps/{app_id}`."""
        return {route.path for route in self._routes}

    def methods_of(self, path: str) -> set[str]:
        """Return the methods that a path supports."""
        matching = [route for route in self._routes if route.path_regex.match(path)]
        return {method for route in matching for method in route.methods or ()}

    def template_of(self, path: str) -> str:
        """Return the template that a request's path matches."""
        for route in self._routes:
            if route.path_regex.match(path):
                return route.path
        return UNKNOWN_ROUTE


class ServerState:
    """The organizations, their tokens, the requests so far, and what tests asked for."""

    def __init__(self, settings: Settings, routes: RouteTable) -> None:
        self._initial_settings = settings
        self.settings = settings
        self.routes = routes
        self.clock = Clock()
        self.tokens = TokenStore(self.clock.now)
        self.sign_ins = SignIns(self.clock.now)
        self.faults = FaultQueue()
        self.requests: Counter[str] = Counter()
        self.log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        # Set when the emulator ends, so that delayed answers stop waiting.
        self.closing = asyncio.Event()
        first = Organization()
        # A reset keeps these: the first access token names its organization and its user.
        self._org_id, self._first_user_id = first.org_id, first.first_user_id
        self.organizations = [first]
        self.access_token = self.tokens.mint_access(
            first.first_user, ALL_SCOPES, lifetime_seconds=None
        )

    @property
    def organization(self) -> Organization:
        """The organization that the first access token belongs to."""
        return self.organizations[0]

    def find_organization(self, org_id: str | None) -> Organization | None:
        """Return the organization with this id, or the first one if no id is given."""
        if not org_id:
            return self.organization
        return next((found for found in self.organizations if found.org_id == org_id), None)

    def find_user(self, user_id: str | None = None, org_id: str | None = None) -> User | None:
        """Return the user with this id, or the first user of an organization.

        If both ids are given, the user must belong to the organization.
        """
        if org_id or not user_id:
            organization = self.find_organization(org_id)
            organizations = [organization] if organization else []
        else:
            organizations = self.organizations
        users = [user for organization in organizations for user in organization.users]
        return next((user for user in users if user_id in (None, "", user.user_id)), None)

    def user_at_sign_in(self, user_id: str | None = None, org_id: str | None = None) -> User | None:
        """Return who signs in: this user, or else the user of the settings, or the first user.

        If the user of the settings isn't in the given organization, its own first user signs in.
        """
        user = self.find_user(user_id or self.settings.sign_in_user_id)
        if user and org_id in (None, "", user.organization.org_id):
            return user
        return None if user_id else self.find_user(org_id=org_id)

    def reset(self) -> None:
        """Go back to the state at the start. The first access token stays valid."""
        self.settings = self._initial_settings
        self.clock.offset_seconds = 0
        self.sign_ins.clear()
        self.faults.clear()
        self.requests.clear()
        self.log.clear()
        first = Organization(org_id=self._org_id, first_user_id=self._first_user_id)
        self.organizations = [first]
        first_token = self.tokens.access[self.access_token]
        first_token.user = first.first_user
        self.tokens.clear()
        self.tokens.access[self.access_token] = first_token

    def record(self, method: str, path: str, route: str, client_port: int | None) -> LoggedRequest:
        """Count a request and add it to the log."""
        self.requests[f"{method} {route}"] += 1
        logged = LoggedRequest(
            method=method,
            path=path[:_LOGGED_PATH_LENGTH],
            at=self.clock.now(),
            client_port=client_port,
            status=None,
            fault=None,
        )
        self.log.append(logged)
        return logged


def state_of(request: Request) -> ServerState:
    """Return the state of the application that got this request."""
    state = request.app.state.emulator
    assert isinstance(state, ServerState)  # noqa: S101 - Starlette doesn't type it
    return state


async def _state_of(request: Request) -> ServerState:
    """Be a dependency; a function that isn't async would run in another thread."""
    return state_of(request)


State = Annotated[ServerState, Depends(_state_of)]

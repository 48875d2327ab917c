"""Which route template a request is meant for; known before anything is done for it."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from starlette.routing import Route

UNKNOWN = "unknown"


class RouteTable:
    """The templates that requests are counted by and faults wait for."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._routes = [
            route for router in routers for route in router.routes if isinstance(route, Route)
        ]

    @property
    def templates(self) -> set[str]:
        """Every known template."""
        return {route.path for route in self._routes}

    def methods_of(self, path: str) -> set[str]:
        """Return the methods that a path has."""
        matching = [route for route in self._routes if route.path_regex.match(path)]
        return {method for route in matching for method in route.methods or ()}

    def template_of(self, path: str) -> str:
        """Return the template that a request's path stands for."""
        for route in self._routes:
            if route.path_regex.match(path):
                return route.path
        return UNKNOWN

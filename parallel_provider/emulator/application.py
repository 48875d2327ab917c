"""Puts the routes together into one ASGI application."""

from __future__ import annotations

from fastapi import FastAPI

from . import api_key, app, approval, balance, control, errors, oauth, overview, sign_in
from .guard import LocalOnly
from .routes import RouteTable
from .settings import Settings
from .state import EmulatorState
from .traffic import Traffic

# What programs use, and what is counted and can be made to fail.
_SERVICE_ROUTERS = (app.router, api_key.router, balance.router, sign_in.router, approval.router)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the emulator as an ASGI application, with a state of its own."""
    state = EmulatorState(settings or Settings())
    routes = RouteTable(_SERVICE_ROUTERS)
    application = FastAPI(title="Account API", version="0.1.0", openapi_url=None)
    application.state.emulator = state
    application.state.routes = routes
    errors.install(application)
    oauth.install(application)
    for router in (*_SERVICE_ROUTERS, control.router, overview.router):
        application.include_router(router)
    application.add_middleware(Traffic, state=state, routes=routes)
    application.add_middleware(LocalOnly)
    return application

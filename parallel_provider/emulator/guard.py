"""Keeps web pages in a person's browser from reaching an emulator that runs on their machine.

Two ways exist: a page that has its own name point to 127.0.0.1 (DNS rebinding) gives itself
away by the Host header; one that posts across origins, by Origin or Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LocalOnly:
    """Middleware that answers only what was meant for this machine, and not sent by a website."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what comes from elsewhere."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_loopback(_host_name(host)):
            refusal = JSONResponse({"detail": "The emulator answers to loopback only"}, 421)
            await refusal(scope, receive, send)
        elif _is_guarded(scope) and _is_foreign(headers, host):
            refusal = JSONResponse({"detail": "Requests from other origins are refused"}, 403)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _is_guarded(scope: Scope) -> bool:
    """Tell whether a request changes something, or shows what only this machine should see."""
    return scope["method"] not in _SAFE_METHODS or scope["path"].startswith("/_emulator/")


def _host_name(host: str) -> str:
    """Return a Host header's name or address, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_foreign(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")

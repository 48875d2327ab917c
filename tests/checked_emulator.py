"""An emulator whose answers are checked against the API's OpenAPI file, by openapi-core.

`CheckedEmulator` starts this module in a process of its own. It is the emulator with one more
middleware, which sees each answer as the client gets it. Nearly all tests use it, and a test fails
if it has got an answer that isn't as described.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypedDict

import openapi_core
from fastapi import FastAPI
from openapi_core.testing import MockRequest, MockResponse
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parallel_provider.emulator import server
from parallel_provider.emulator.__main__ import emulator
from parallel_provider.emulator.control_models import FaultKind, Settings
from parallel_provider.emulator.state import ServerState
from parallel_provider.testing.emulator import Emulator
from tests.openapi_document import completed

ROUTE = "/_emulator/undocumented"

# These faults spoil the answer, or there is none. All other answers are checked.
SPOILED: frozenset[FaultKind] = frozenset(
    {
        "status",
        "drop_before",
        "drop_after",
        "truncate",
        "garbage",
        "hang",
        "drip",
        "endless",
        "gzip_bomb",
        "odd",
    }
)
# The emulator's own refusal of a request that isn't for this machine; the API has none like it.
_NOT_OF_THE_API = 421
_HOST = "http://emulator"
_PREFIX = "/service/v1/"
_SHOWN = 10


class CheckedEmulator(Emulator):
    """The emulator with checked answers."""

    _command = (
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r}); "
        "from tests.checked_emulator import main; main()",
    )

    def __exit__(self, exc_type: type[BaseException] | None, *rest: object) -> None:
        """Check the answers since the last check, and end its process."""
        try:
            if exc_type is None:
                self.assert_documented()
        finally:
            super().__exit__(exc_type, *rest)

    def assert_documented(self) -> int:
        """Assert that all answers since the last call were as described; return their number."""
        report = self._control.get("/undocumented").raise_for_status().json()
        assert report["wrong"] == [], report["wrong"]
        return int(report["checked"])


class Report(TypedDict):
    """How many answers were checked, and what is wrong with them."""

    checked: int
    wrong: list[str]


class Checker:
    """Checks answers to documented requests. Its texts hold no part of an answer."""

    def __init__(self) -> None:
        self._openapi = openapi_core.OpenAPI.from_dict({**completed(), "servers": [{"url": _HOST}]})
        self._found: list[str] = []
        self._checked = 0

    def check(self, method: str, path: str, status: int, headers: Headers, body: bytes) -> None:
        """Note what is wrong with an answer."""
        self._checked += 1
        content_type = headers.get("content-type", "")
        request = MockRequest(_HOST, method, path)
        response = MockResponse(body, status, dict(headers), content_type)
        for error in self._openapi.iter_response_errors(request, response):
            reasons = _reasons(error)
            self._found.append(f"{method} {path} answered {status}: {'; '.join(reasons)}")

    def take(self) -> Report:
        """Return what was found since the last call."""
        report = Report(checked=self._checked, wrong=self._found[:_SHOWN])
        self._checked, self._found = 0, []
        return report


def _reasons(error: Exception) -> list[str]:
    """Return the kinds of the error and of its causes, with the fields and rules."""
    reasons = [type(error).__name__]
    for cause in getattr(error.__cause__, "schema_errors", ()):
        field = ".".join(map(str, getattr(cause, "absolute_path", ())))
        reasons.append(f"{field or 'the body'} breaks {getattr(cause, 'validator', '?')}")
    return reasons


class CheckAnswers:
    """The middleware: passes everything on, and lets the checker see it."""

    def __init__(self, app: ASGIApp, state: ServerState, checker: Checker) -> None:
        self.app = app
        self.state = state
        self.checker = checker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one answer after it was sent."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self.app(scope, receive, send)
            return
        status, headers, body = 0, Headers(), bytearray()

        async def watch(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], Headers(raw=message["headers"])
            elif self._fault_of(scope) not in SPOILED:  # which may have no end
                body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, watch)
        is_operation = any(
            route.path_regex.match(scope["path"]) and scope["method"] in (route.methods or ())
            for route in self.state.routes
        )
        is_answer = is_operation and status not in (0, _NOT_OF_THE_API)
        if is_answer and self._fault_of(scope) not in SPOILED:
            self.checker.check(scope["method"], scope["path"], status, headers, bytes(body))

    def _fault_of(self, scope: Scope) -> FaultKind | None:
        """Return the fault of this request: a connection has one request at a time."""
        _, port = scope.get("client") or (None, None)
        logged = (entry for entry in reversed(self.state.log) if entry["client_port"] == port)
        entry = next(logged, None)
        return entry["fault"] if entry else None


def main() -> None:
    """Run the emulator with this middleware."""
    create_app = server.create_app
    checker = Checker()

    def checked(settings: Settings | None = None) -> FastAPI:
        application = create_app(settings)

        async def undocumented(_request: Request) -> JSONResponse:
            return JSONResponse(checker.take())

        application.add_route(ROUTE, undocumented)
        application.add_middleware(CheckAnswers, state=application.state.emulator, checker=checker)
        return application

    server.create_app = checked
    emulator()

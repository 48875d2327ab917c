"""The services of a pipeline, on this machine: secret store, ID tokens, broker, Pulumi."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROJECT_ID = "7"

Pulumi = Callable[[list[str], dict[str, str]], tuple[int, str]]


@dataclass
class Services:
    """The state of the services, which tests read and change."""

    broker_gives: Callable[[], str]
    pulumi: Pulumi
    url: str = ""
    # By environment and name, on both platforms. The platform's jobs read it.
    stored: dict[tuple[str, str], str] = field(default_factory=dict)
    # Whether each of the next writes succeeds. All later writes succeed.
    writes_work: list[bool] = field(default_factory=list)
    writer_token: str = field(default_factory=lambda: secrets.token_hex(16))
    id_token: str = field(default_factory=lambda: secrets.token_hex(16))
    id_token_request_token: str = field(default_factory=lambda: secrets.token_hex(16))
    # The ID token for Pulumi Cloud, and the access token that a job gets for it.
    pulumi_token: str = field(default_factory=lambda: secrets.token_hex(16))
    pulumi_id_token: str = field(default_factory=lambda: secrets.token_hex(16))
    webhook: str = field(default_factory=lambda: f"https://chat/{secrets.token_hex(16)}")
    given_out: set[str] = field(default_factory=set)

    def secrets_of(self, environment: str | None) -> dict[str, str]:
        """Return the secrets that a job of this environment gets when it starts."""
        return {name: value for (scope, name), value in self.stored.items() if scope == environment}

    @property
    def secrets(self) -> set[str]:
        """Everything that must never be printed."""
        own = {self.writer_token, self.id_token, self.id_token_request_token}
        own |= {self.pulumi_token, self.pulumi_id_token, self.webhook}
        return own | self.given_out | set(self.stored.values())

    def store(self, scope: str, name: str, value: str, token: str | None) -> HTTPStatus:
        """Write a secret."""
        if token != self.writer_token:
            return HTTPStatus.UNAUTHORIZED
        if self.writes_work and not self.writes_work.pop(0):
            return HTTPStatus.SERVICE_UNAVAILABLE
        self.given_out.add(value)
        self.stored[scope, name] = value
        return HTTPStatus.OK

    def access_token(self) -> str:
        """Issue an access token, as the broker."""
        token = self.broker_gives()
        self.given_out.add(token)
        return token


@contextmanager
def serving(services: Services) -> Iterator[Services]:
    """Serve at `services.url` until the block ends."""

    class Handler(_Handler):
        state = services

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        services.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield services
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Services

    def do_GET(self) -> None:
        """Serve GitHub's ID tokens."""
        asked = urlsplit(self.path)
        if not self._has_bearer(self.state.id_token_request_token):
            self._answer(HTTPStatus.UNAUTHORIZED)
        elif parse_qs(asked.query).get("audience") != [f"{self.state.url}/broker"]:
            self._answer(HTTPStatus.BAD_REQUEST)
        else:
            self._answer(HTTPStatus.OK, {"value": self.state.id_token})

    def do_PUT(self) -> None:
        """Serve GitLab's variables, and the store behind the fake gh and glab."""
        asked = urlsplit(self.path)
        scope = parse_qs(asked.query)["filter[environment_scope]"][0]
        value = parse_qs(self._body().decode())["value"][0]
        folder, _, name = asked.path.rpartition("/")
        if folder == f"/api/v4/projects/{PROJECT_ID}/variables":
            token = self.headers["PRIVATE-TOKEN"]
            self._answer(self.state.store(scope, name, value, token))
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Serve the broker and the fake pulumi."""
        body = self._body()
        if self.path == "/pulumi":
            call = json.loads(body)
            code, text = self.state.pulumi(call["arguments"], call["environment"])
            self._answer(HTTPStatus.OK, {"code": code, "text": text})
        elif self._has_bearer(self.state.id_token):
            self._answer(HTTPStatus.OK, {"access_token": self.state.access_token()})
        else:
            self._answer(HTTPStatus.UNAUTHORIZED)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""

    def _has_bearer(self, token: str) -> bool:
        return bool(self.headers["Authorization"] == f"Bearer {token}")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _answer(self, status: HTTPStatus, body: dict[str, Any] | None = None) -> None:
        content = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

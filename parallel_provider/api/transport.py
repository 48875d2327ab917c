"""Send single requests to the API, and turn failures into the API's errors.

The first request imports this module: a run that sends nothing doesn't wait for httpx.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from http import HTTPStatus
from typing import Any

import httpx

from parallel_provider.api.answers import parse, status_error
from parallel_provider.api.models import AppList, Balance
from parallel_provider.api.organization import TokenOrganizations, token_of
from parallel_provider.api.person import TokenPeople
from parallel_provider.api.timing import ServerClock
from parallel_provider.errors import AnswerError, ConnectionFailedError, NoAnswerError
from parallel_provider.http.sender import (
    HttpSender,
    NoUsableAnswerError,
    OversizedAnswerError,
    RequestNotSentError,
)

# A list of 100,000 apps has about 20 MB. The answers to changes are short.
_MAX_READ_BYTES = 64 * 1024 * 1024
_MAX_CHANGE_BYTES = 1024 * 1024
# These reads tell the organization of a token. The second one is for a token without the scope
# balance:read.
_ORGANIZATION_READS: tuple[tuple[str, type[Balance] | type[AppList]], ...] = (
    ("/service/v1/balance", Balance),
    ("/service/v1/apps", AppList),
)

_BODY_HEADERS = ("content-type", "content-length", "transfer-encoding")
_TEMPORARY_STATUSES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class Transport:
    """Sends single requests to one API; safe to use from several threads.

    A change is sent only with an access token of the organization that `organizations` expects.
    """

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        auth_origin: str,
        server_clock: ServerClock,
        organizations: TokenOrganizations,
        *,
        people: TokenPeople,
    ) -> None:
        self._auth_origin = auth_origin
        self._server_clock = server_clock
        self._sender = HttpSender(
            base_url, "service API URL", OrganizationAuth(auth, base_url, organizations, people)
        )

    def close(self) -> None:
        """Close all connections."""
        self._sender.close()

    def send(
        self, method: str, path: str, body: dict[str, Any] | None, seconds: float
    ) -> httpx.Response:
        """Send a request once and return its answer, within `seconds`.

        Raises an ApiError if the answer isn't a success, or if there is none.
        """
        host = self._sender.host
        try:
            response = self._sender.send(
                method,
                path,
                seconds=seconds,
                json=body,
                max_bytes=_MAX_READ_BYTES if method == "GET" else _MAX_CHANGE_BYTES,
            )
        except RequestNotSentError as error:
            raise ConnectionFailedError(
                f"{method} {path} wasn't sent, as {host} can't be reached ({error}): "
                "check the network and the configured service API URL"
            ) from None
        except NoUsableAnswerError as error:
            raise NoAnswerError(f"{method} {path} got no answer from {host} ({error})") from None
        except OversizedAnswerError as error:
            raise AnswerError(f"{method} {path} answered success with {error}") from None
        self._server_clock.note(response.headers.get("date"))
        if not response.is_success:
            raise status_error(response, time.time(), self._auth_origin)
        return response


class OrganizationAuth(httpx.Auth):
    """Adds the token of `auth` to requests, and checks its organization before its first change.

    A token that is known to belong to the expected organization needs no extra request. `people`
    learns the person of each token.
    """

    def __init__(
        self,
        auth: httpx.Auth,
        base_url: str,
        organizations: TokenOrganizations,
        people: TokenPeople,
    ) -> None:
        self._auth = auth
        self._base_url = base_url.rstrip("/")
        self._organizations = organizations
        self._people = people

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token that `auth` adds to it.

        Raises WrongOrganizationError if the token of a change belongs to another organization, and
        ConnectionFailedError if that can't be checked now. Either way, the change isn't sent.
        """
        flow = self._auth.sync_auth_flow(request)
        try:
            outgoing = next(flow)
            while True:
                self._people.note(token_of(outgoing))
                response = yield from self._verify_token(outgoing)
                if response is None:
                    response = yield outgoing
                try:
                    outgoing = flow.send(response)
                except StopIteration:
                    return
        finally:
            flow.close()

    def _verify_token(
        self, change: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, httpx.Response | None]:
        """Return None if the token of `change` may be used; the answer if the server refused it."""
        token = token_of(change)
        if change.method == "GET" or not self._organizations.must_verify(token):
            return None
        for path, model in _ORGANIZATION_READS:
            response = yield self._organization_request(path, change)
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                return response
            if response.is_server_error or response.status_code in _TEMPORARY_STATUSES:
                raise ConnectionFailedError(
                    f"{change.method} {change.url.path} wasn't sent, as the organization of its "
                    f"access token can't be checked: GET {path} answered {response.status_code}"
                )
            org_id = _organization_in(response, model)
            if org_id is not None:
                self._organizations.learn(token, org_id)
                return None
        raise self._organizations.unknown_organization_error()

    def _organization_request(self, path: str, change: httpx.Request) -> httpx.Request:
        headers = httpx.Headers(change.headers)
        for name in _BODY_HEADERS:
            headers.pop(name, None)
        # The extensions hold the time limit, which is for the whole call.
        return httpx.Request(
            "GET", self._base_url + path, headers=headers, extensions=change.extensions
        )


def _organization_in(response: httpx.Response, model: type[Balance] | type[AppList]) -> str | None:
    if not response.is_success:
        return None
    try:
        return next(iter(parse(response, model).org_ids), None)
    except AnswerError:
        return None

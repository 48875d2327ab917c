"""Verify a token's organization with that very token, just before it changes anything."""

from __future__ import annotations

from collections.abc import Generator
from http import HTTPStatus

import httpx

from parallel_provider.api.answers import parse
from parallel_provider.api.models import AppList, Balance
from parallel_provider.api.organization import TokenOrganizations, token_of
from parallel_provider.errors import AnswerError, ConnectionFailedError

# What tells a token's organization: the apps do so for a token that may not read the balance.
_QUESTIONS: tuple[tuple[str, type[Balance] | type[AppList]], ...] = (
    ("/service/v1/balance", Balance),
    ("/service/v1/apps", AppList),
)

_ABOUT_THE_BODY = {"content-type", "content-length", "transfer-encoding"}
_TEMPORARY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class OrganizationAuth(httpx.Auth):
    """Sends what `auth` sends, and asks for a token's organization in between where it must.

    A token that is known to belong to the expected organization costs no request.
    """

    def __init__(self, auth: httpx.Auth, base_url: str, organizations: TokenOrganizations) -> None:
        self._auth = auth
        self._base_url = base_url.rstrip("/")
        self._organizations = organizations

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the token that `auth` puts on it.

        Raises WrongOrganizationError instead of sending a change with the wrong token, and
        ConnectionFailedError where the server can't be asked now.
        """
        flow = self._auth.sync_auth_flow(request)
        try:
            outgoing = next(flow)
            while True:
                response = yield from self._refusal_of_token(outgoing)
                if response is None:
                    response = yield outgoing
                try:
                    outgoing = flow.send(response)
                except StopIteration:
                    return
        finally:
            flow.close()

    def _refusal_of_token(
        self, change: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, httpx.Response | None]:
        """Return the server's 401 to the token of `change`; None if the token may be used."""
        token = token_of(change)
        if change.method == "GET" or not self._organizations.must_verify(token):
            return None
        for path, model in _QUESTIONS:
            response = yield self._question(path, change)
            response.read()
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                return response
            if response.is_server_error or response.status_code in _TEMPORARY:
                raise ConnectionFailedError(
                    f"{change.method} {change.url.path} wasn't sent, as the organization of its "
                    f"access token can't be checked: GET {path} answered {response.status_code}"
                )
            org_id = _organization_in(response, model)
            if org_id is not None:
                self._organizations.learn(token, org_id)
                return None
        raise self._organizations.refuse_unknown()

    def _question(self, path: str, change: httpx.Request) -> httpx.Request:
        headers = [
            (name, value)
            for name, value in change.headers.multi_items()
            if name.lower() not in _ABOUT_THE_BODY
        ]
        # The time limit is that of the change: it is for the whole call.
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

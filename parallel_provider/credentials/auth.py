"""Send requests with an access token; renew the token once if the server refuses it."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from parallel_provider.credentials.tokens import AccessToken, TokenSource
from parallel_provider.printable import remember_secret

_UNAUTHORIZED = 401


class BearerAuth(httpx.Auth):
    """Bearer authentication (RFC 6750) with the tokens of a source."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send with a fresh token; after a 401, once more with a renewed one.

        A source may run a command or call the server, which takes seconds. So there is no
        asynchronous variant of this.
        """
        token = self.source.get()
        response = yield _authorized(request, token)
        if response.status_code == _UNAUTHORIZED:
            renewed = self.source.renew(token)
            if renewed is not None:
                yield _authorized(request, renewed)


def _authorized(request: httpx.Request, token: AccessToken) -> httpx.Request:
    value = token.value.get_secret_value()
    remember_secret(value)
    request.headers["Authorization"] = f"Bearer {value}"
    return request

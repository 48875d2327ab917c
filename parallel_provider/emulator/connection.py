"""The network connection below a request, for faults that break it.

ASGI has no way for an application to drop a connection. uvicorn takes a protocol class of one's
own, and that class hands its transport on.
"""

from __future__ import annotations

import asyncio

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "emulator.transport"


class BreakableConnection(H11Protocol):
    """An HTTP/1.1 connection that the application can break."""

    def connection_made(  # type: ignore[override] # as in the class above
        self, transport: asyncio.Transport
    ) -> None:
        """Put the transport where requests of this connection find it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


def break_connection(scope: Scope, *, send_what_was_written: bool = False) -> None:
    """Close the connection under a request."""
    transport: asyncio.Transport | None = scope.get("state", {}).get(_TRANSPORT)
    if transport is None:
        # Called in-process, without a network: an error is the nearest thing.
        raise ConnectionResetError("the connection was broken by an injected fault")
    if send_what_was_written:
        transport.close()
    else:
        transport.abort()

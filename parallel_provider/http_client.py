"""How this package speaks HTTP: to one host, as itself, and to no other."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from parallel_provider.errors import SettingsError
from parallel_provider.settings import is_loopback
from parallel_provider.version import __version__


def open_client(
    base_url: str,
    *,
    auth: httpx.Auth | None = None,
    timeout: httpx.Timeout | None = None,
    tls: ssl.SSLContext | None = None,
) -> httpx.Client:
    """Return a client for the host of `base_url`; clients that share `tls` share its cost.

    Raises SettingsError when the environment's proxy or certificate variables can't be used.
    """
    with _environment_named():
        return httpx.Client(
            auth=auth,
            timeout=timeout,
            headers={
                "Accept": "application/json",
                "User-Agent": f"parallel-provider/{__version__}",
            },
            verify=tls or tls_context(base_url),
            # A token is for the configured host and no other.
            follow_redirects=False,
            trust_env=_trusts_environment(base_url),
        )


def tls_context(base_url: str) -> ssl.SSLContext:
    """Return what decides whether the host of `base_url` is trusted. Raises SettingsError.

    Loading the certificates takes 30 ms and 3 MiB, which plain http does without: its context
    trusts nobody.
    """
    if urlsplit(base_url).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with _environment_named():
        return httpx.create_ssl_context(trust_env=_trusts_environment(base_url))


def _trusts_environment(base_url: str) -> bool:
    # A proxy can't reach this machine's own loopback.
    return not is_loopback(urlsplit(base_url).hostname or "")


@contextlib.contextmanager
def _environment_named() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        # What isn't a URL may be quoted in parts, a password among them.
        reason = "no valid URL" if isinstance(error, httpx.InvalidURL) else error
        raise SettingsError(
            f"the proxy or certificate variables of the environment can't be used: {reason}"
        ) from None

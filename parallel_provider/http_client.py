"""How this package speaks HTTP: to one host, as itself, and to no other."""

from __future__ import annotations

import importlib.metadata
from urllib.parse import urlsplit

import httpx

from parallel_provider.errors import SettingsError
from parallel_provider.settings import is_loopback

_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=64)


def open_client(
    base_url: str, *, auth: httpx.Auth | None = None, timeout: httpx.Timeout | None = None
) -> httpx.Client:
    """Return a client for the host of `base_url`; safe to use from several threads.

    Raises SettingsError when the environment's proxy or certificate variables can't be used.
    """
    version = importlib.metadata.version("parallel-provider")
    try:
        return httpx.Client(
            auth=auth,
            timeout=timeout,
            limits=_LIMITS,
            headers={
                "Accept": "application/json",
                "User-Agent": f"parallel-provider/{version}",
            },
            # A token is for the configured host and no other.
            follow_redirects=False,
            # A proxy can't reach this machine's own loopback.
            trust_env=not is_loopback(urlsplit(base_url).hostname or ""),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        # What isn't a URL may be quoted in parts, a password among them.
        reason = "no valid URL" if isinstance(error, httpx.InvalidURL) else error
        raise SettingsError(
            f"the proxy or certificate variables of the environment can't be used: {reason}"
        ) from None

"""The one run that all providers of a process share, made from the stack's configuration."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from parallel_provider.api import AccountApi, RetryPolicy
from parallel_provider.credentials.chain import NoSource, choose_source
from parallel_provider.credentials.errors import NotConfiguredError
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.dynamic._concurrency import widen_thread_pool
from parallel_provider.dynamic._errors import with_configuration_hint
from parallel_provider.dynamic._messages import EngineMessages
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError
from parallel_provider.lifecycle.run import Guards, Messages, Run
from parallel_provider.settings import Settings

if TYPE_CHECKING:
    from parallel_provider.credentials.auth import BearerAuth

_lock = threading.Lock()
_run: Run | None = None
_told: set[str] = set()


def configure(config: Callable[[str], str | None]) -> None:
    """Make the run from settings, unless this process has one; no request is made.

    Raises SettingsError or CredentialsError, which are told in full once. The SDK prints the whole
    traceback of any error that a provider raises; in its process, one line is enough.
    """
    global _run  # noqa: PLW0603 - one a process is the point
    sys.tracebacklimit = 0
    with _lock:
        if _run is None:
            try:
                _run = make_run(config, EngineMessages())
            except ParallelError as error:
                if str(error) in _told:
                    raise SettingsError("the same cause as before: see that error") from None
                _told.add(str(error))
                kind = SettingsError if isinstance(error, SettingsError) else CredentialsError
                raise kind(with_configuration_hint(str(error))) from None
            widen_thread_pool()
            # What is loaded by now stays to the end: the collector needn't look through it.
            gc.freeze()


def run() -> Run:
    """Return the process's run; `configure` has been called by then."""
    if _run is None:
        raise AssertionError("the SDK configures a provider before it calls it")
    return _run


def make_run(config: Callable[[str], str | None], messages: Messages) -> Run:
    """Make a run; `config` looks up a key of the stack configuration, namespace included."""
    settings = Settings.load(config, os.environ)
    source: TokenSource
    try:
        source = choose_source(settings)
    except NotConfiguredError as error:
        # A preview asks the API nothing, and is often run where nobody is signed in.
        source = NoSource(error)
        messages.warn(f"Nothing can be changed or read in this run: {error}.")
    guards = Guards(
        org_id=settings.org_id,
        org_id_origin=settings.org_id_origin,
        max_top_up_cents=settings.max_top_up_cents,
    )
    api = AccountApi(
        settings.service_api_url,
        lambda: _bearer(source),
        auth_origin=source.origin,
        retry_policy=RetryPolicy(deadline_seconds=settings.timeout_seconds),
    )
    warning = source.end_warning()
    if warning is not None:
        messages.warn(warning)
    return Run(api, messages, guards)


def _bearer(source: TokenSource) -> BearerAuth:
    from parallel_provider.credentials.auth import BearerAuth  # noqa: PLC0415 - heavy

    return BearerAuth(source)

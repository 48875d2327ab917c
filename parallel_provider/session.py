"""Makes the client and the run from settings. Knows nothing of Pulumi's SDK.

The dynamic provider, a program's data sources and the command line all use it.
"""

from __future__ import annotations

import os
import threading

from parallel_provider.api import AccountApi, RetryPolicy
from parallel_provider.credentials.sources import NoSource, choose_source
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.errors import NotConfiguredError
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.run import Messages, Run
from parallel_provider.settings import Lookup, Settings


def open_api(
    settings: Settings, source: TokenSource, *, cancellation: threading.Event | None = None
) -> AccountApi:
    """Return a client that uses these settings and the tokens of this source.

    It refuses each answer and each change of another organization than that of the settings. Its
    waits end when `cancellation` is set. The client is a context manager.
    """
    api = AccountApi(
        settings.service_api_url,
        source,
        retry_policy=RetryPolicy(deadline_seconds=settings.timeout_seconds),
        cancellation=cancellation,
    )
    if settings.org_id is not None:
        api.allow_only(settings.org_id, settings.org_id_origin or "orgId")
    return api


def open_run(
    config: Lookup,
    messages: Messages,
    *,
    stack: Lookup | None = None,
    cancellation: threading.Event | None = None,
    claims: Claims | None = None,
) -> Run:
    """Return a run; no request is made. Raises SettingsError and CredentialsError.

    `config` has the stack's configuration, or the arguments of an explicit provider; then `stack`
    has the stack's configuration, of which the guards count too. `claims` are those of the engine's
    run, if there is an engine.
    """
    settings = Settings.load(config, os.environ, stack=stack)
    source: TokenSource
    try:
        source = choose_source(settings)
    except NotConfiguredError as error:
        # A preview asks the API nothing, and often runs where nobody is signed in.
        source = NoSource(error)
        messages.warn(f"Nothing can be changed or read in this run: {error}.")
    api = open_api(settings, source, cancellation=cancellation)
    warning = source.end_warning()
    if warning is not None:
        messages.warn(warning)
    return Run(api, messages, settings.max_top_up_cents, claims=claims)

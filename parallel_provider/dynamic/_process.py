"""The one run that all dynamic providers of a process share."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable

from parallel_provider.dynamic._concurrency import widen_thread_pool
from parallel_provider.dynamic._messages import (
    EngineMessages,
    engine_address,
    with_configuration_hint,
)
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.run import Run
from parallel_provider.printable import line_for_user
from parallel_provider.session import open_run

_lock = threading.Lock()
_run: Run | None = None
_shown: set[str] = set()


def configure(config: Callable[[str], str | None]) -> None:
    """Make the run from settings, unless this process has one. No request is made.

    Raises SettingsError or CredentialsError, with the whole text once for each cause. The SDK
    prints the traceback of any error that a provider raises, so tracebacks are switched off here.
    """
    global _run  # noqa: PLW0603 - there is one for each process
    sys.tracebacklimit = 0
    with _lock:
        if _run is None:
            try:
                _run = open_run(config, EngineMessages(), claims=Claims(engine_address()))
            except ParallelError as error:
                if str(error) in _shown:
                    raise SettingsError("the same cause as before: see that error") from None
                _shown.add(str(error))
                kind = SettingsError if isinstance(error, SettingsError) else CredentialsError
                raise kind(line_for_user(with_configuration_hint(str(error)))) from None
            widen_thread_pool()
            # What is loaded now stays until the end: the garbage collector needn't look at it.
            gc.freeze()


def run() -> Run:
    """Return the process's run. `configure` was called before."""
    if _run is None:
        raise AssertionError("the SDK configures a provider before it calls it")
    return _run

"""One run of one stack in the program's process: its settings, and one list of apps.

An Automation API program runs several stacks in one process, and one stack several times. The SDK
gives each run a monitor of its own, which identifies the run here.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

import pulumi
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import settings as pulumi_settings
from pulumi.runtime.mocks import MockMonitor

from parallel_provider.once import Once
from parallel_provider.printable import line_for_user
from parallel_provider.settings import setting_warnings

if TYPE_CHECKING:
    from parallel_provider.lifecycle.run import Run


class ProgramRun:
    """One run of one stack. Safe to use from several threads.

    `warned` warns about settings that are probably mistakes. `run` is the run that the functions
    share, which call it from many threads, each of which has the context of its stack's run.
    """

    def __init__(self) -> None:
        self.warned = Once(_warn)
        self.run = Once(_open_run)


def _open_run() -> Run:
    from parallel_provider.session import open_run  # noqa: PLC0415 - heavy

    # Config.get would warn that a secret is read as plain text, which it is for here.
    return open_run(pulumi.runtime.get_config, ProgramMessages())


def _warn() -> None:
    if mocks() is not None:
        return
    token = "parallel:accessToken"  # noqa: S105 - its name
    keys = {*pulumi_config.CONFIG.get(), *pulumi_config.get_config_env()}
    is_plain = token in keys and not pulumi_config.is_config_secret(token)
    project = pulumi.get_project()
    for warning in setting_warnings(keys, project, os.environ, has_plain_token=is_plain):
        ProgramMessages().warn(warning)


class ProgramMessages:
    """Shows messages from the program's process."""

    def info(self, text: str) -> None:
        """Show an information."""
        pulumi.log.info(line_for_user(text))

    def warn(self, text: str) -> None:
        """Show a warning."""
        pulumi.log.warn(line_for_user(text))


def run_error(text: str) -> pulumi.RunError:
    """Return an error that Pulumi shows as one line."""
    return pulumi.RunError(line_for_user(text))


# A run ends with its monitor, and is removed from here then.
_runs: weakref.WeakKeyDictionary[object, ProgramRun] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_outside = ProgramRun()


def current() -> ProgramRun:
    """Return the run that the calling thread or task belongs to."""
    monitor = pulumi_settings.get_monitor()
    if monitor is None:
        return _outside
    with _lock:
        return _runs.setdefault(monitor, ProgramRun())


def mocks() -> pulumi.runtime.Mocks | None:
    """Return the mocks of a unit test, if this is one."""
    monitor = pulumi_settings.get_monitor()
    return monitor.mocks if isinstance(monitor, MockMonitor) else None

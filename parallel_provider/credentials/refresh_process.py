"""Have a refresh done by a process of its own, which finishes it whatever happens here.

A refresh token can be used once. Were it used here, a Ctrl-C or a kill between the server's answer
and the file would lose the sign-in for good. The process is in a session of its own, so that
nothing that ends this program's terminal or process group ends it too. Tokens reach it by the file
or by its standard input; its arguments and environment hold none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, SecretStr

from parallel_provider.commands import environment_for_commands
from parallel_provider.errors import CredentialsError
from parallel_provider.model import Model, plain

# Longer than everything it does can take: a lock, three requests, a save command.
REFRESH_SECONDS = 300.0

# Windows has no sessions; elsewhere `start_new_session` is what counts.
if sys.platform == "win32":
    _DETACHED = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _DETACHED = 0


class PipelineRefresh(Model):
    """What a refresh needs besides, where the refresh token came from the environment."""

    refresh_token: SecretStr
    client_id: str | None
    save_command: str


class RefreshRequest(Model):
    """What the process is asked to do; `stale` is the fingerprint of the unwanted token."""

    path: str
    org_id: str
    platform_url: str
    stale: str
    pipeline: PipelineRefresh | None = None


class RefreshReport(Model):
    """What the process says at its end; the tokens are in the file."""

    error: str | None = None
    messages: list[str] = Field(default_factory=list)


def refresh_in_own_process(request: RefreshRequest, show: Callable[[str], None]) -> None:
    """Start the process and wait for its end. Raises CredentialsError when it failed."""
    process = _start()
    try:
        # When this is interrupted, the process goes on.
        output, _ = process.communicate(json.dumps(plain(request)).encode(), REFRESH_SECONDS)
    except subprocess.TimeoutExpired:
        raise CredentialsError(
            f"the refresh of the sign-in hasn't ended after {REFRESH_SECONDS:.0f} seconds "
            f"(process {process.pid} goes on with it): try again later"
        ) from None
    try:
        report = RefreshReport.model_validate(json.loads(output))
    except ValueError:
        raise CredentialsError(
            f"the process that refreshes the sign-in was ended (exit code {process.returncode}): "
            "try again; if that fails, run `parallel-provider login`"
        ) from None
    for message in report.messages:
        show(message)
    if report.error is not None:
        raise CredentialsError(report.error)


def _start() -> subprocess.Popen[bytes]:
    environment = environment_for_commands(os.environ)
    # It must find what this process has found, wherever that came from.
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    command = [sys.executable, "-m", "parallel_provider.credentials.refresh_worker"]
    return subprocess.Popen(  # noqa: S603 (this interpreter, this package)
        command,
        # `-m` looks in the current directory first, which may hold anything.
        cwd=Path(sys.executable).anchor,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=_DETACHED,
    )

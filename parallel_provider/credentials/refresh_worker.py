"""The process that refreshes: `python -m parallel_provider.credentials.refresh_worker`.

Started by `refresh_process` only. It reads one request from its standard input and prints one
report. A request that didn't arrive whole is one that nobody waits for: nothing is done then.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from parallel_provider.commands import Command, run_command
from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.credentials.pipeline_file import remove_old_files, seed_document
from parallel_provider.credentials.refresh import Refresh
from parallel_provider.credentials.refresh_process import RefreshReport, RefreshRequest
from parallel_provider.credentials.store import SignInFile
from parallel_provider.errors import ParallelError
from parallel_provider.model import plain

SAVE_COMMAND_SETTING = "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND"


def main() -> int:
    """Do what is asked and say how it went."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # Once begun it is finished; it takes seconds, and everything in it has a time limit.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        request = RefreshRequest.model_validate(json.loads(sys.stdin.buffer.read()))
    except ValueError:
        return 2
    messages: list[str] = []
    try:
        _refresh(request, messages)
        report = RefreshReport(messages=messages)
    except ParallelError as error:
        report = RefreshReport(error=str(error), messages=messages)
    except Exception as error:  # noqa: BLE001 (it is said to the one that waits, without a value)
        report = RefreshReport(error=f"the refresh failed unexpectedly ({type(error).__name__})")
    # Whoever asked may be gone.
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(plain(report)))
        sys.stdout.flush()
    return 0


def _refresh(request: RefreshRequest, messages: list[str]) -> None:
    file = SignInFile(Path(request.path))
    pipeline = request.pipeline
    with SignInServer(request.platform_url) as server:
        if pipeline is None:
            refresh = Refresh(file, request.org_id, server)
        else:
            command = Command.parse(pipeline.save_command, SAVE_COMMAND_SETTING)

            def save(token: SecretStr) -> None:
                text = token.get_secret_value()
                # Without a line end: many stores would take it for a part of the value.
                run_command(
                    command, standard_input=text.encode(), show=messages.append, secrets=[text]
                )

            seed = seed_document(pipeline.refresh_token, pipeline.client_id)
            refresh = Refresh(file, request.org_id, server, seed=seed, save=save)
        refresh.ensure_token_other_than(request.stale)
    if pipeline is not None:
        remove_old_files(file.path)


if __name__ == "__main__":
    sys.exit(main())

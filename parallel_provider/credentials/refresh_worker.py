"""The process that refreshes a sign-in.

Only `stored_sign_in` starts it. It reads one RefreshRequest from its standard input and prints one
RefreshReport. If the request isn't complete, the program that sent it has been ended, and nothing
is done.
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
from parallel_provider.credentials.pipeline import initial_document, remove_old_files
from parallel_provider.credentials.refresh import Refresh
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.stored_sign_in import RefreshReport, RefreshRequest
from parallel_provider.errors import ParallelError
from parallel_provider.model import plain

SAVE_COMMAND_SETTING = "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND"


def main() -> int:
    """Do what the request says, and print how it went."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # A refresh that has begun must be finished. It takes seconds, and each step has a limit.
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
    except Exception as error:  # noqa: BLE001 (only its type is reported: its text may hold a token)
        report = RefreshReport(error=f"the refresh failed unexpectedly ({type(error).__name__})")
    # The program that waits for the report may have been ended.
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
                # Without a line end: many secret stores would keep it as a part of the value.
                run_command(
                    command, standard_input=text.encode(), show=messages.append, secrets=[text]
                )

            initial = initial_document(pipeline.refresh_token, pipeline.client_id)
            refresh = Refresh(file, request.org_id, server, initial=initial, save=save)
        refresh.ensure_token_other_than(request.unwanted)
    if pipeline is not None:
        remove_old_files(file.path)

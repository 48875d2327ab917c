"""The program of a stack, run in a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final

from pulumi_embedded.deployment import ORGANIZATION, Deployment
from pulumi_embedded.desired import refusals
from pulumi_embedded.processes import ChildProcess
from pulumi_embedded.services import Monitor

_MAIN: Final = Path(__file__).with_name("program_main.py")
# Exit code of a program that has printed its error.
_EXIT_SHOWN: Final = 32
_LEAVE_SECONDS: Final = 30.0


class ProgramRun:
    """One run of the program."""

    def __init__(self, deployment: Deployment, monitor: Monitor) -> None:
        self._deployment = deployment
        self._monitor = monitor
        options = deployment.options
        settings = {
            "monitor": deployment.engine_address,
            "engine": deployment.engine_address,
            "project": options.space.project,
            "stack": options.space.stack,
            "organization": ORGANIZATION,
            "parallel": options.parallel,
            "dry_run": deployment.dry_run,
            "root_directory": options.root_directory,
            "refusals": refusals(deployment.packages),
        }
        self._process = ChildProcess(
            str(_MAIN),
            [json.dumps(settings), options.program],
            work_dir=options.work_dir,
            env=deployment.program_environment(),
            on_line=deployment.display.message,
            on_exit=lambda _code: deployment.program_event.set(),
        )

    def __enter__(self) -> ProgramRun:
        """Return this run; the program was started by the constructor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the program end. End its process if something failed."""
        deployment = self._deployment
        if error is None and not deployment.cancelled.is_set():
            self._monitor.operation_done.set()
            self._check_exit_code()
        self._process.end()
        # Only now: else the program would print errors for calls that end with the operation.
        self._monitor.operation_done.set()

    def wait_until_registered(self) -> bool:
        """Wait until the program has registered everything. Return whether all went well."""
        self._deployment.program_event.wait()
        if not self._deployment.cancelled.is_set() and not self._monitor.program_done.is_set():
            self._check_exit_code()
        return not self._deployment.cancelled.is_set()

    def _check_exit_code(self) -> None:
        try:
            code = self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._deployment.display.error(
                "the program has registered everything, but its process doesn't end"
            )
            code = _EXIT_SHOWN
        if code == 0:
            return
        self._deployment.failed = True
        if code != _EXIT_SHOWN:
            self._deployment.display.error(
                f"an unhandled error occurred: program exited with non-zero exit code: {code}"
            )
        self._deployment.cancel()

"""The program of a stack, run in a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final

from parallel_provider.testing.engine.deployment import ORGANIZATION, Deployment
from parallel_provider.testing.engine.monitor import Monitor
from parallel_provider.testing.engine.processes import ChildProcess

_MAIN: Final = Path(__file__).with_name("program_main.py")
# The program has shown by itself what went wrong.
_EXIT_SHOWN: Final = 32
_LEAVE_SECONDS: Final = 30.0


class ProgramRun:
    """One run of the program, between the monitor's start and its end."""

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
            "root_directory": options.work_dir,
        }
        self._process = ChildProcess(
            str(_MAIN),
            [json.dumps(settings), options.work_dir],
            work_dir=options.work_dir,
            env=deployment.program_environment(),
            on_line=deployment.display.message,
            on_exit=lambda _code: deployment.woken.set(),
        )

    def __enter__(self) -> ProgramRun:
        """Go on while the program runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the program go, or end it where something failed."""
        deployment = self._deployment
        if error is None and not deployment.cancelled.is_set():
            self._monitor.operation_done.set()
            self._judge_exit()
        self._process.end()
        # Only now: the program shall not complain about calls that end with the operation.
        self._monitor.operation_done.set()

    def wait_until_registered(self) -> bool:
        """Wait until the program registers nothing any more; say whether all went well."""
        self._deployment.woken.wait()
        if not self._deployment.cancelled.is_set() and not self._monitor.program_done.is_set():
            self._judge_exit()
        return not self._deployment.cancelled.is_set()

    def _judge_exit(self) -> None:
        try:
            code = self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._deployment.display.error("the program is through, and doesn't end")
            code = _EXIT_SHOWN
        if code == 0:
            return
        self._deployment.failed = True
        if code != _EXIT_SHOWN:
            self._deployment.display.error(
                f"an unhandled error occurred: program exited with non-zero exit code: {code}"
            )
        self._deployment.cancel()

"""Child processes: started in a group of their own, listened to, and ended for certain."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_CHILD: Final = Path(__file__).with_name("child.py")
_GRACE_SECONDS: Final = 5.0


class ChildProcess:
    """A Python process that passes each line it prints to `on_line`, and never outlives us."""

    def __init__(
        self,
        target: str,
        arguments: Sequence[str],
        *,
        work_dir: str,
        env: Mapping[str, str],
        on_line: Callable[[str], object],
        on_exit: Callable[[int], object] | None = None,
    ) -> None:
        theirs, self._ours = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-u", str(_CHILD), str(theirs), target, *arguments],
                cwd=work_dir,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=(theirs,),
                # An interrupt from the keyboard is for the engine, which then ends its children.
                start_new_session=True,
            )
        except OSError:
            os.close(self._ours)
            raise
        finally:
            os.close(theirs)
        self._on_line = on_line
        self._on_exit = on_exit
        self._pumps = [
            threading.Thread(target=self._pump, args=(stream,), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
        ]
        for pump in self._pumps:
            pump.start()
        if on_exit is not None:
            threading.Thread(target=self._watch, daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process and all it had to say are through; return its exit code."""
        code = self._process.wait(timeout)
        for pump in self._pumps:
            pump.join(_GRACE_SECONDS)
        return code

    def end(self) -> None:
        """End the process, at once if it doesn't go by itself; does nothing a second time."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.wait(_GRACE_SECONDS)
        with contextlib.suppress(OSError):
            os.close(self._ours)
        self._ours = -1

    def _pump(self, stream: IO[str] | None) -> None:
        if stream is None:
            return
        with stream:
            for line in stream:
                self._on_line(line.rstrip("\n"))

    def _watch(self) -> None:
        code = self.wait()
        if self._on_exit is not None:
            self._on_exit(code)

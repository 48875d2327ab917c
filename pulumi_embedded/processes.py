"""Child processes: started in a session of their own, and always ended."""

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
_PLUGIN_CHILD: Final = Path(__file__).with_name("plugin_child.py")
_GRACE_SECONDS: Final = 5.0


def start(
    command: Sequence[str], *, work_dir: str, env: Mapping[str, str], descriptor: int
) -> subprocess.Popen[str]:
    """Start a process that inherits the descriptor, and whose output can be read as text."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        command,
        cwd=work_dir,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=(descriptor,),
        # Ctrl-C goes to this process only, which then ends its children.
        start_new_session=True,
    )


class ChildProcess:
    """A Python process. It ends when this process ends. `on_line` gets each line it prints.

    With `is_command`, `target` is a command of any kind.
    """

    def __init__(
        self,
        target: str,
        arguments: Sequence[str],
        *,
        work_dir: str,
        env: Mapping[str, str],
        on_line: Callable[[str], object],
        on_exit: Callable[[int], object] | None = None,
        is_command: bool = False,
    ) -> None:
        read_end, self._write_end = os.pipe()
        starter = ["-I", "-S", str(_PLUGIN_CHILD)] if is_command else ["-u", str(_CHILD)]
        try:
            self._process = start(
                [sys.executable, *starter, str(read_end), target, *arguments],
                work_dir=work_dir,
                env=env,
                descriptor=read_end,
            )
        except OSError:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)
        self._on_line = on_line
        self._on_exit = on_exit
        self._readers = [
            threading.Thread(target=self._read_lines, args=(stream,), daemon=True)
            for stream in (self._process.stdout, self._process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        if on_exit is not None:
            threading.Thread(target=self._watch, daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended and its output was read. Return the exit code."""
        code = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(_GRACE_SECONDS)
        return code

    def end(self) -> None:
        """End the process: terminate it, and kill it if it doesn't end in time."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.wait(_GRACE_SECONDS)
        with contextlib.suppress(OSError):
            os.close(self._write_end)
        self._write_end = -1

    def _read_lines(self, stream: IO[str] | None) -> None:
        if stream is None:
            return
        with stream:
            for line in stream:
                self._on_line(line.rstrip("\n"))

    def _watch(self) -> None:
        code = self.wait()
        if self._on_exit is not None:
            self._on_exit(code)

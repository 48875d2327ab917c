"""Starts Python processes in which Pulumi's SDK and this package are imported already.

    python -u fork_server.py SOCKET

These imports take most of the time of a short run. This process does them once. For each message
of `tests/forked.py`, it forks a process that goes on as a new one would.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence

MODULES = (
    "httpx",
    "parallel_provider.dynamic._adapter",
    "parallel_provider.lifecycle.app",
    "parallel_provider.lifecycle.balance_top_up",
    "parallel_provider.lifecycle.keys",
    "parallel_provider.resources.app",
)
_PARENTS_PIPE = 3


def serve(connection: socket.socket) -> Sequence[int]:
    """Fork a process for each message, until the other end is closed. Return in these only.

    A message carries the descriptors of the request, of standard output and standard error, of the
    pipe that the parent holds open, and of the pipe for the process's id and its exit code.
    """
    pipes: dict[int, int] = {}  # of the running processes, by their ids
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    signal.set_wakeup_fd(wake)
    while True:
        readable, _, _ = select.select([connection.fileno(), ended], [], [])
        if ended in readable:
            os.read(ended, 4096)
            _report_ended(pipes)
        if connection.fileno() not in readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(connection, 1, 5)
        if not message:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return descriptors
        *others, pipes[pid] = descriptors
        for descriptor in others:
            os.close(descriptor)
        _write(pipes[pid], pid)


def _report_ended(pipes: dict[int, int]) -> None:
    while pipes:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        pipe = pipes.pop(pid)
        _write(pipe, os.waitstatus_to_exitcode(status))
        os.close(pipe)


def _write(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, f"{number}\n".encode())


def become(descriptors: Sequence[int]) -> None:
    """Give this process everything that a new one would get, and run the script."""
    request, output, errors, parents_pipe, _ = descriptors
    with open(request, encoding="utf-8", closefd=False) as file:
        script, arguments, work_dir, environment = json.load(file)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.dup2(parents_pipe, _PARENTS_PIPE)
    os.closerange(_PARENTS_PIPE + 1, os.sysconf("SC_OPEN_MAX"))
    os.chdir(work_dir)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script, str(_PARENTS_PIPE), *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    for _name in MODULES:
        importlib.import_module(_name)
    gc.freeze()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))

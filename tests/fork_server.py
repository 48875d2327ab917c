"""Starts Python processes in which Pulumi's SDK and this package are imported already.

    python -u fork_server.py SOCKET

These imports take most of the time of a short run. This process does them once. For each message
of `tests/forked.py`, it forks a process that goes on as a new one would.
"""

from __future__ import annotations

import atexit
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
from pathlib import Path

import parallel_provider

# What the processes import besides all of this package, some of it only when it is used.
_OTHERS = (
    *("anyio", "certifi", "difflib", "encodings.idna", "filelock", "glob", "grpc._channel"),
    *("grpc._server", "grpc.experimental", "h11", "httpcore", "httpx", "stringprep", "tenacity"),
)
_NOT_IN_A_RUN = ("cli", "emulator", "testing")
_PACKAGE = Path(parallel_provider.__file__).parent
PARENTS_PIPE = 3


def modules() -> list[str]:
    """Return the modules that are imported before a process is forked."""
    found = list(_OTHERS)
    for file in sorted(_PACKAGE.rglob("*.py")):
        parts = file.relative_to(_PACKAGE).with_suffix("").parts
        if parts[0] not in _NOT_IN_A_RUN and parts[-1] not in ("__init__", "__main__"):
            found.append(".".join([_PACKAGE.name, *parts]))
    return found


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
        arguments, work_dir, environment = json.load(file)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.dup2(parents_pipe, PARENTS_PIPE)
    os.closerange(PARENTS_PIPE + 1, os.sysconf("SC_OPEN_MAX"))
    os.chdir(work_dir)
    os.environ.clear()
    os.environ.update(environment)
    # Its command line is that of this server, so this is how it is found: by 15 characters.
    Path("/proc/self/comm").write_text(Path(arguments[2 if len(arguments) > 2 else 0]).name[:15])
    # A test can write a module twice within a second, which the cache would not notice.
    sys.dont_write_bytecode = True
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).parent)
    code = 1  # after an exception

    def end() -> None:
        # Python's own clean-up would take a third of the time of a short run.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(end)
    try:
        runpy.run_path(arguments[0], run_name="__main__")
        code = 0
    except SystemExit as ended:
        if isinstance(ended.code, str):  # which is printed
            raise
        code = ended.code or 0


if __name__ == "__main__":
    for _name in modules():
        importlib.import_module(_name)
    gc.freeze()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))

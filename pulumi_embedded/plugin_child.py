"""Run a plugin's command in a process that ends when its parent process ends.

    python -I -S plugin_child.py DESCRIPTOR COMMAND ARGUMENT...

This file is run as a script, so it imports nothing from its package. It imports little, because it
runs beside each plugin. DESCRIPTOR is the reading end of a pipe. The parent holds the writing end
and never writes. When the parent ends, even by a crash, the read returns and the command is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

_COMMAND_NOT_FOUND = 127


def _kill_when_closed(descriptor: int, pid: int) -> None:
    os.read(descriptor, 1)
    os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Start the command, and return its exit code when it ends."""
    descriptor, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(descriptor, False)
    # A signal to end that comes while the command starts is delivered afterwards.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, setsigmask=[])
    except OSError as error:
        sys.stderr.write(f"{command[0]} can't be started: {error.strerror}\n")
        sys.exit(_COMMAND_NOT_FOUND)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: os.kill(pid, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    threading.Thread(target=_kill_when_closed, args=(descriptor, pid), daemon=True).start()
    _, status = os.waitpid(pid, 0)
    os._exit(abs(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main()

"""Run a module or a script in a process that ends when its parent process ends.

    python child.py DESCRIPTOR MODULE_OR_SCRIPT ARGUMENT...

This file is run as a script, so it imports nothing from its package. DESCRIPTOR is the reading end
of a pipe. The parent holds the writing end and never writes. When the parent ends, even by a crash,
the read returns and this process exits.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path


def _exit_when_closed(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)


def main() -> None:
    """Start the thread that waits for the parent's end, then run the module or script."""
    descriptor, target = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_exit_when_closed, args=(descriptor,), daemon=True).start()
    # As with `python -m`: imports start in the working directory, not beside this file.
    sys.path[0] = str(Path.cwd())
    del sys.argv[:2]
    if target.endswith(".py"):
        runpy.run_path(target, run_name="__main__")
    else:
        runpy.run_module(target, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

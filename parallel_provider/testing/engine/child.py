"""Run a module or a script in a process that ends when whoever started it is gone.

    python child.py DESCRIPTOR MODULE_OR_SCRIPT ARGUMENT...

This file runs by itself, outside of its package: programs and providers see of the engine nothing
but its addresses. The descriptor is the reading end of a pipe that nobody writes to: it ends when
its other end is closed, be it by a crash.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path


def _end_with(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)


def main() -> None:
    """Guard this process, and become what the arguments say."""
    descriptor, target = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()
    # As with `python -m`: imports start in the working directory, not beside this file.
    sys.path[0] = str(Path.cwd())
    del sys.argv[:2]
    if target.endswith(".py"):
        runpy.run_path(target, run_name="__main__")
    else:
        runpy.run_module(target, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

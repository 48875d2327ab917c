"""Run the demo: `make demo`, or `python -m examples.demo [embedded|pulumi]` beside Makefile.

With a second argument, the name of a file, a picture of the first steps is written there too.

Another process, `run.py`, does the work, in its own session. So Ctrl-C in a terminal reaches only
this process, which then lets `run.py` end Pulumi and the emulator in the right order.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo and return its exit code."""
    # The other process inherits this. It unblocks the signal when it is ready to clean up.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    demo = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "examples.demo.run", *sys.argv[1:]], start_new_session=True
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        sys.stdout.write("\nStopping …\n")
        sys.stdout.flush()
        demo.send_signal(signal.SIGINT)

    for number in _STOPPING:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    code = demo.wait()
    # A signal counts as 128 and its number, as in a shell: Python can end by SIGINT after it has
    # handled it, if it came while a module was imported.
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

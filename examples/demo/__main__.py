"""Run the demo: `make demo`, or `python -m examples.demo [embedded|pulumi]` beside Makefile.

The work is done by another process, `run.py`, in a session of its own: a terminal's Ctrl-C then
reaches this one alone, and Pulumi and the emulator are ended in good order instead of all at once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo and return its exit code."""
    # Held back in the other process too, which lets it through when it can put things away.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    demo = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "examples.demo.run", *sys.argv[1:]], start_new_session=True
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        sys.stdout.write("\nStopping, once nothing is half done …\n")
        sys.stdout.flush()
        demo.send_signal(signal.SIGINT)

    for number in _STOPPING:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return demo.wait()


if __name__ == "__main__":
    sys.exit(main())

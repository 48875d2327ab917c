"""An example of your service: reads its key when it starts, and reads it again on SIGHUP.

python worker.py KEY_FILE
"""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

_SIGNALS = (signal.SIGHUP, signal.SIGTERM)


def main() -> None:
    """Work until SIGTERM."""
    key_file = Path(sys.argv[1])
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    # Block the signals until sigwait: none gets lost, and none interrupts the work.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    received: int = signal.SIGHUP
    while received == signal.SIGHUP:
        api_key = key_file.read_text()
        logging.info("working with the key ...%s", api_key[-4:])
        received = signal.sigwait(_SIGNALS)


if __name__ == "__main__":
    main()

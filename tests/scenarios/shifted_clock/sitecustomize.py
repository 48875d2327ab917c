"""Shift the time that this package sees, in every Python process that finds this folder.

The provider has no setting for the time, and needs none: a scenario about next month puts this
folder on PYTHONPATH, and the provider lives there. Everything else keeps the real time: gRPC, for
one, waits until a time that it works out with `time.time`.
"""

import os
import sys
import time

_offset = float(os.environ.get("SCENARIO_CLOCK_OFFSET_SECONDS", "0"))
_real_time = time.time


def _shifted_time() -> float:
    caller = str(sys._getframe(1).f_globals.get("__name__"))
    return _real_time() + (_offset if caller.startswith("parallel_provider.") else 0)


if _offset:
    time.time = _shifted_time

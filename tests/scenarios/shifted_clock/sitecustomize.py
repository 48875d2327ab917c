"""Shift the time that this package sees, in every Python process with this folder on PYTHONPATH.

So a scenario can be in the next month, and the provider needs no setting for the time. All other
code sees the real time. For example, gRPC computes deadlines with `time.time`.
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

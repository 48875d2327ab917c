"""Shift the time that this package sees, in every Python process with this folder on PYTHONPATH.

So a scenario can be in the next month, and the provider needs no setting for the time. All other
code sees the real time. For example, gRPC computes deadlines with `time.time`.
"""

import os
import sys
import time

_real_time = time.time


def _shifted_time() -> float:
    caller = str(sys._getframe(1).f_globals.get("__name__"))
    is_shifted = caller.startswith("parallel_provider.")
    offset = os.environ.get("SCENARIO_CLOCK_OFFSET_SECONDS", "0") if is_shifted else "0"
    return _real_time() + float(offset)


time.time = _shifted_time

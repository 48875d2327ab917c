"""Shift `time.time` of every Python process that finds this folder on its path.

The provider has no setting for the time, and needs none: a scenario about next month puts this
folder on PYTHONPATH, and the program and the provider live there.
"""

import os
import time

_offset = float(os.environ.get("SCENARIO_CLOCK_OFFSET_SECONDS", "0"))
_real_time = time.time


def _shifted_time() -> float:
    return _real_time() + _offset


if _offset:
    time.time = _shifted_time

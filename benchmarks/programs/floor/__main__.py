"""(a) Resources that do nothing."""

import os

from benchmarks.idle import Idle

for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    Idle(f"app-{number}")

"""(a) Resources that do nothing."""

import os

from idle import Idle  # type: ignore[import-not-found] # beside this file

for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    Idle(f"app-{number}")

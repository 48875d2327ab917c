"""(d) Resources of a native plugin that does nothing."""

import os

from benchmarks.native import NativeApp

for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    NativeApp("idle", f"app-{number}")

"""(e) Apps of this provider's native plugin."""

import os

from benchmarks.native import NativeApp

for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    NativeApp("parallel", f"app-{number}")

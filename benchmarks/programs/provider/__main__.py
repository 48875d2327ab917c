"""(b) Apps of this provider."""

import os

import parallel_provider as parallel

for number in range(int(os.environ["BENCHMARK_RESOURCES"])):
    parallel.App(f"app-{number}")

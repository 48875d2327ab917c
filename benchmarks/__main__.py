"""Measure how long a user waits: `python -m benchmarks`, or `make bench`.

Five programs declare the same number of resources: (a) dynamic resources that do nothing, which is
the floor, (b) apps of this provider, (c) apps of a simple provider, written in an afternoon, (d)
resources of a native plugin that does nothing, (e) apps of this provider's native plugin. Each
round runs them one after the other, each in a stack of its own. So if the machine is slow for a
minute, that affects all of them.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import click
from pulumi.automation import CommandError, Stack

from benchmarks.measure import measure
from benchmarks.report import (
    AFTERNOON,
    OPERATIONS,
    SUBJECTS,
    Sample,
    Samples,
    growth,
    headline,
    plot,
    table,
)
from parallel_provider.testing import EmbeddedStack, Emulator, local_stack
from tests.scripts import write_script

PROGRAMS = Path(__file__).parent / "programs"
RESULTS = Path(__file__).parent / "results"
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
# The default of Pulumi's engine on a machine of this size, set for both engines.
PARALLEL = 64
SLOW_MS = 300
_PLUGINS = {"idle": "benchmarks.idle_plugin", "parallel": "parallel_provider.plugin.__main__"}
SHOWN, LARGE = 200, 1000


@click.command()
@click.option(
    "--engine", type=click.Choice(["embedded", "pulumi"]), help="Default: pulumi on PATH."
)
@click.option(
    "--resources", multiple=True, type=int, help="The number of resources; can be repeated."
)
@click.option("--latency-ms", multiple=True, type=int, help="The API's latency; can be repeated.")
@click.option(
    "--rounds", default=3, show_default=True, help="Rounds; 1 with 1000 resources or more."
)
@click.option(
    "--write/--no-write", default=True, help="Write benchmarks/results, and the README's figures."
)
def main(
    engine: str | None,
    resources: tuple[int, ...],
    latency_ms: tuple[int, ...],
    rounds: int,
    write: bool,
) -> None:
    """Measure up, up without change, preview, refresh and destroy."""
    chosen = engine or ("pulumi" if shutil.which("pulumi") else "embedded")
    samples: list[Sample] = []
    sections = [_heading(chosen)]
    for latency in latency_ms or (0, 100, SLOW_MS):
        # All sizes are measured without latency. With latency, one size is enough.
        for count in resources or ((1, 50, SHOWN, LARGE) if latency == 0 else (SHOWN,)):
            repeat = 1 if count >= LARGE else rounds
            new = list(_samples(chosen, count, latency, repeat))
            samples += new
            title = f"{count} resources, API latency {latency} ms, {repeat} rounds"
            sections.append(f"## {title}\n\n{table(Samples(new))}")
            click.echo(sections[-1])
    if write:
        _write(chosen, samples, sections)


def _samples(engine: str, count: int, latency_ms: int, rounds: int) -> Iterator[Sample]:
    with Emulator("--latency", str(latency_ms / 1000)) as emulator:
        for _ in range(rounds):
            for subject in SUBJECTS:
                emulator.reset()
                yield from _life(engine, subject, count, latency_ms, emulator)


def _life(
    engine: str, subject: str, count: int, latency_ms: int, emulator: Emulator
) -> Iterator[Sample]:
    """Measure all operations on one stack."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        program = Path(folder) / "program"
        shutil.copytree(PROGRAMS / subject, program)
        variables = {
            **emulator.environment,
            "BENCHMARK_RESOURCES": str(count),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        stack = _open(engine, program, Path(folder), variables)
        operations: dict[str, Callable[[], object]] = {
            "up": lambda: stack.up(parallel=PARALLEL),
            "up again": lambda: stack.up(parallel=PARALLEL),
            "preview": lambda: stack.preview(parallel=PARALLEL),
            "refresh": lambda: stack.refresh(parallel=PARALLEL),
            "destroy": lambda: stack.destroy(parallel=PARALLEL),
        }
        for name in OPERATIONS:
            try:
                cost = measure(operations[name], emulator)
            except CommandError:
                # The SDK pickles a provider with attributes recursively, one level deeper for each
                # resource. With many resources, that exceeds the recursion limit.
                if subject != AFTERNOON:
                    raise
                click.echo(f"{count:5} {subject} fails: {name}", err=True)
                return
            click.echo(
                f"{count:5} {subject:12} {latency_ms:4} ms  {name:9} {cost.seconds:7.2f} s "
                f"{cost.calls:5} calls",
                err=True,
            )
            yield Sample(subject, count, latency_ms, name, cost)


def _open(
    engine: str, program: Path, folder: Path, variables: dict[str, str]
) -> Stack | EmbeddedStack:
    plugins = {package: _executable(package, folder) for package in _PLUGINS}
    if engine == "embedded":
        return EmbeddedStack(
            "bench", program, project_name="benchmark", env_vars=variables, plugins=plugins
        )
    return local_stack(
        "bench",
        program,
        project_name="benchmark",
        private_dir=folder,
        env_vars=variables,
        plugins=plugins,
    )


def _executable(package: str, folder: Path) -> Path:
    """Write the executable of a native plugin, and return its path."""
    source = f"from {_PLUGINS[package]} import main\n\nmain()\n"
    return write_script(folder / package / f"pulumi-resource-{package}", source)


def _heading(engine: str) -> str:
    name = "Pulumi itself" if engine == "pulumi" else "the embedded stack, as pulumi isn't on PATH"
    day = datetime.now(tz=timezone.utc).date().isoformat()
    return (
        f"# Results\n\nWritten by `make bench` on {day}: {name}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores. Seconds are medians (minimum to "
        "maximum) of whole operations. A ratio is the median of each round's ratio to the floor of "
        "that round. Calls are API calls. CPU counts all processes that their parents waited for."
    )


def _write(engine: str, samples: list[Sample], sections: list[str]) -> None:
    def of(count: int, latency_ms: int) -> Samples:
        return Samples(s for s in samples if (s.resources, s.latency_ms) == (count, latency_ms))

    sizes = sorted({(s.resources, s.latency_ms) for s in samples})
    several = [(count, of(count, latency)) for count, latency in sizes if latency == 0 < count - 1]
    if several:
        sections.append(f"## What a resource costs, at latency 0\n\n{growth(several)}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "results.md").write_text("\n\n".join(sections) + "\n")
    raw = {"engine": engine, "samples": [asdict(sample) for sample in samples]}
    (RESULTS / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
    for count, latency in sizes:
        if count == SHOWN:
            title = f"{SHOWN} resources, API latency {latency} ms: seconds an operation takes"
            (RESULTS / f"latency-{latency}.svg").write_text(plot(of(count, latency), title))
    if (SHOWN, 0) in sizes:
        slow = of(SHOWN, SLOW_MS) if (SHOWN, SLOW_MS) in sizes else None
        figures = headline(of(SHOWN, 0), slow, SLOW_MS)
        text = README.read_text()
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        README.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}")


if __name__ == "__main__":
    main()

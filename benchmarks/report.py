"""Writes the figures as tables and as a chart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.measure import Cost

FLOOR, PROVIDER, AFTERNOON = DYNAMIC = ("floor", "provider", "afternoon")
NATIVE_FLOOR, NATIVE = ("native_floor", "native")
SUBJECTS = (*DYNAMIC, NATIVE_FLOOR, NATIVE)
OPERATIONS = ("up", "up again", "preview", "refresh", "destroy")

_HEAD = (
    "| operation | floor | provider | ratio | afternoon | ratio | calls: provider, afternoon "
    "| CPU, provider / floor | peak memory, provider / floor |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
_NATIVE_HEAD = (
    "| native plugin: operation | one that does nothing | parallel | ratio | to the provider "
    "| calls | CPU, parallel / nothing | peak memory, parallel / nothing |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Sample:
    """One operation in one round."""

    subject: str
    resources: int
    latency_ms: int
    operation: str
    cost: Cost


class Samples:
    """All rounds of one size at one latency."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = tuple(samples)

    def seconds(self, subject: str, operation: str) -> Sequence[float]:
        """Return the wall times, one for each round."""
        return [s.cost.seconds for s in self._of(subject, operation)]

    def median(self, subject: str, operation: str) -> float:
        """Return the median wall time."""
        return statistics.median(self.seconds(subject, operation))

    def ratio(self, subject: str, operation: str, floor: str = FLOOR) -> float:
        """Return the median over all rounds of the ratio to the floor of the same round."""
        pairs = zip(self.seconds(subject, operation), self.seconds(floor, operation), strict=True)
        return statistics.median(one / floor for one, floor in pairs)

    def calls(self, subject: str, operation: str) -> int:
        """Return the highest number of API calls of a round."""
        return max(s.cost.calls for s in self._of(subject, operation))

    def cpu_ratio(self, subject: str, operation: str, floor: str = FLOOR) -> float:
        """Return the CPU time divided by the floor's."""
        mine, least = (
            statistics.median(s.cost.cpu_seconds for s in self._of(each, operation))
            for each in (subject, floor)
        )
        return mine / least

    def memory(self, subject: str, operation: str) -> float | None:
        """Return the largest peak memory of the provider's process, in MiB."""
        peaks = [s.cost.provider_mib for s in self._of(subject, operation)]
        return max((peak for peak in peaks if peak is not None), default=None)

    def _of(self, subject: str, operation: str) -> list[Sample]:
        return [s for s in self._samples if (s.subject, s.operation) == (subject, operation)]


def table(samples: Samples) -> str:
    """Write one size at one latency as Markdown tables: the dynamic provider, the native plugin."""
    dynamic = [_HEAD, *(_row(samples, operation) for operation in OPERATIONS)]
    if not samples.seconds(NATIVE, OPERATIONS[0]):
        return "\n".join(dynamic)
    native = [_NATIVE_HEAD, *(_native_row(samples, operation) for operation in OPERATIONS)]
    return "\n".join([*dynamic, "", *native])


def headline(samples: Samples, slow: Samples | None, slow_ms: int) -> str:
    """Write the figures of the README in Markdown: a table, and `up` with a slow API."""
    head = (
        "| | Pulumi alone | parallel-provider | ratio | a simple provider | API calls |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    rows = [
        f"| {operation} | {samples.median(FLOOR, operation):.1f} s "
        f"| {samples.median(PROVIDER, operation):.1f} s "
        f"| {samples.ratio(PROVIDER, operation):.2f} "
        f"| {samples.median(AFTERNOON, operation):.1f} s "
        f"| {samples.calls(PROVIDER, operation)} and {samples.calls(AFTERNOON, operation)} |"
        for operation in OPERATIONS
    ]
    table = "\n".join([head, *rows])
    if samples.seconds(NATIVE, "up"):
        ratios = ", ".join(
            f"{operation} {samples.ratio(NATIVE, operation, NATIVE_FLOOR):.2f}"
            for operation in OPERATIONS
        )
        table += f"\n\nThe native plugin, compared with one that does nothing: {ratios}."
    if slow is None:
        return table
    floor, provider, afternoon = (slow.median(subject, "up") for subject in DYNAMIC)
    return (
        f"{table}\n\nWith answers that take {slow_ms} ms, `up` takes {provider:.1f} s: "
        f"{provider - floor:.1f} s more than Pulumi alone. The simple provider takes "
        f"{afternoon:.1f} s."
    )


def growth(by_size: Sequence[tuple[int, Samples]]) -> str:
    """Write the cost per resource for stacks of several sizes as a Markdown table."""
    head = "| resources | operation | floor | provider | ratio |\n| --- | --- | --- | --- | --- |"
    rows = [
        f"| {count} | {operation} | {1000 * samples.median(FLOOR, operation) / count:.1f} ms "
        f"| {1000 * samples.median(PROVIDER, operation) / count:.1f} ms "
        f"| {samples.ratio(PROVIDER, operation):.2f} |"
        for count, samples in by_size
        for operation in OPERATIONS
    ]
    return "\n".join([head, *rows])


def _row(samples: Samples, operation: str) -> str:
    cells = [operation, _spread(samples.seconds(FLOOR, operation))]
    calls = []
    for subject in (PROVIDER, AFTERNOON):
        if samples.seconds(subject, operation):
            cells.append(_spread(samples.seconds(subject, operation)))
            cells.append(f"{samples.ratio(subject, operation):.2f}")
            calls.append(str(samples.calls(subject, operation)))
        else:
            cells += ["fails", ""]
    cells.append(", ".join(calls))
    cells.append(f"{samples.cpu_ratio(PROVIDER, operation):.2f}")
    cells.append(_memory(samples, operation, PROVIDER, FLOOR))
    return f"| {' | '.join(cells)} |"


def _native_row(samples: Samples, operation: str) -> str:
    cells = [
        operation,
        _spread(samples.seconds(NATIVE_FLOOR, operation)),
        _spread(samples.seconds(NATIVE, operation)),
        f"{samples.ratio(NATIVE, operation, NATIVE_FLOOR):.2f}",
        f"{samples.ratio(NATIVE, operation, PROVIDER):.2f}",
        str(samples.calls(NATIVE, operation)),
        f"{samples.cpu_ratio(NATIVE, operation, NATIVE_FLOOR):.2f}",
        _memory(samples, operation, NATIVE, NATIVE_FLOOR),
    ]
    return f"| {' | '.join(cells)} |"


def _memory(samples: Samples, operation: str, subject: str, floor: str) -> str:
    mine, least = (samples.memory(each, operation) for each in (subject, floor))
    return f"{mine:.0f} / {least:.0f} MiB" if mine and least else "?"


def _spread(seconds: Sequence[float]) -> str:
    middle = f"{statistics.median(seconds):.1f} s"
    return middle if len(seconds) == 1 else f"{middle} ({min(seconds):.1f} to {max(seconds):.1f})"


_COLOURS = {FLOOR: "#9ca3af", PROVIDER: "#1a7f5a", AFTERNOON: "#d9a441"}
_LABELS = {FLOOR: "Pulumi alone", PROVIDER: "parallel-provider", AFTERNOON: "a simple provider"}
_WIDTH, _LEFT, _BAR, _GAP = 760, 90, 14, 16


def plot(samples: Samples, title: str) -> str:
    """Draw the median wall times as bars, in SVG."""
    medians = {(s, o): samples.median(s, o) for s in DYNAMIC for o in OPERATIONS}
    scale = (_WIDTH - _LEFT - 60) / max(medians.values())
    parts = [f'<text class="title" x="0" y="16">{title}</text>']
    for place, subject in enumerate(DYNAMIC):
        x = _LEFT + 200 * place
        parts.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{_COLOURS[subject]}"/>')
        parts.append(f'<text x="{x + 18}" y="41">{_LABELS[subject]}</text>')
    y = 60
    for operation in OPERATIONS:
        parts.append(f'<text x="0" y="{y + 1.5 * _BAR + 4:.0f}">{operation}</text>')
        for subject in DYNAMIC:
            width = medians[subject, operation] * scale
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" '
                f'fill="{_COLOURS[subject]}"/>'
            )
            parts.append(
                f'<text class="value" x="{_LEFT + width + 6:.1f}" y="{y + 10}">'
                f"{medians[subject, operation]:.1f} s</text>"
            )
            y += _BAR
        y += _GAP
    style = (
        "<style>text { font: 13px system-ui, sans-serif; fill: #374151 } "
        ".title { font-weight: 600 } .value { font-size: 11px } "
        "@media (prefers-color-scheme: dark) { text { fill: #e5e7eb } }</style>"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img">'
    return "\n".join([head, style, *parts, "</svg>"]) + "\n"

"""What the user reads: steps as they happen, then diagnostics, outputs and a count."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from parallel_provider.testing.engine import values
from parallel_provider.testing.engine.urns import name_of, type_of
from parallel_provider.testing.engine.values import Properties

_MARKS: Final = {
    "create": "+",
    "delete": "-",
    "update": "~",
    "replace": "+-",
    "read": ">",
    "refresh": "~",
}
_COUNTED: Final = {
    "create": ("+", "created", "to create"),
    "update": ("~", "updated", "to update"),
    "delete": ("-", "deleted", "to delete"),
    "replace": ("+-", "replaced", "to replace"),
    "same": (" ", "unchanged", "unchanged"),
}
_PREFIXES: Final = {"warning": "warning: ", "error": "error: ", "info": ""}
_SHORTEST_SECRET: Final = 3


class Display:
    """Collects what an operation has to say, in the form of the command line."""

    def __init__(
        self,
        title: str,
        *,
        root: str,
        secrets: Iterable[str] = (),
        on_output: Callable[[str], object] | None = None,
    ) -> None:
        self._root = root
        # The longest first, so that no part of a secret is left by a shorter one.
        hidden = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._hidden = sorted(hidden, key=len, reverse=True)
        self._on_output = on_output
        self._lines: list[str] = []
        self._messages: dict[str, list[tuple[str, str]]] = {}
        self._lock = threading.Lock()
        self._say(f"{title}:\n")

    def step(self, operation: str, urn: str) -> None:
        """Tell of something that was done to a resource."""
        mark = _MARKS.get(operation, " ")
        self._say(f" {mark:<2} {type_of(urn)} {name_of(urn)} {operation}")

    def message(self, text: str, *, urn: str = "", severity: str = "info") -> None:
        """Pass on a message about a resource, or about the stack where none is named."""
        urn = urn or self._root
        with self._lock:
            self._messages.setdefault(urn, []).append((severity, self._masked(text)))
        head = text.split("\n", 1)[0]
        self._say(f"    {type_of(urn)} {name_of(urn)} {_PREFIXES[severity]}{head}")

    def error(self, text: str, urn: str = "") -> None:
        """Report what went wrong."""
        self.message(text, urn=urn, severity="error")

    def finish(self, outputs: Properties, counts: Mapping[str, int], *, preview: bool) -> str:
        """Say what there is to say at the end, and return everything that was said."""
        for section in (self._diagnostics(), _outputs(outputs), _counts(counts, preview=preview)):
            if section:
                self._say("\n".join(section) + "\n")
        with self._lock:
            return "\n".join(self._lines)

    def _diagnostics(self) -> list[str]:
        with self._lock:
            messages = dict(self._messages)
        lines = ["Diagnostics:"] if messages else []
        for urn, said in messages.items():
            lines.append(f"  {type_of(urn)} ({name_of(urn)}):")
            for severity, text in said:
                indented = f"{_PREFIXES[severity]}{text.rstrip()}".replace("\n", "\n    ")
                lines.append(f"    {indented}")
            lines.append("")
        return lines

    def _say(self, text: str) -> None:
        masked = self._masked(text)
        with self._lock:
            self._lines.append(masked)
        if self._on_output is not None:
            self._on_output(masked)

    def _masked(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[secret]")
        return text


def _outputs(outputs: Properties) -> list[str]:
    if not outputs:
        return []
    shown = values.shown(outputs)
    return [
        "Outputs:",
        *(f"    {key}: {_written(value)}" for key, value in sorted(shown.items())),
    ]


def _written(value: values.Value) -> str:
    masked = value in ("[secret]", "[unknown]")
    return str(value) if masked else json.dumps(value, ensure_ascii=False)


def _counts(counts: Mapping[str, int], *, preview: bool) -> list[str]:
    lines = ["Resources:"]
    for operation, count in sorted(counts.items()):
        mark, done, to_do = _COUNTED.get(operation, (" ", operation, f"to {operation}"))
        lines.append(f"    {mark} {count} {to_do if preview else done}")
    return lines

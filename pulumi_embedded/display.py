"""The text that users read: steps, then diagnostics, outputs and counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from pulumi_embedded import values
from pulumi_embedded.urns import name_of, type_of
from pulumi_embedded.values import Properties, Secret, Value

_MARKS: Final = {
    "create": "+",
    "delete": "-",
    "update": "~",
    "replace": "+-",
    "read": ">",
    "import": "=",
    "refresh": "~",
}
_COUNTED: Final = {
    "create": ("+", "created", "to create"),
    "update": ("~", "updated", "to update"),
    "delete": ("-", "deleted", "to delete"),
    "replace": ("+-", "replaced", "to replace"),
    "import": ("=", "imported", "to import"),
    "same": (" ", "unchanged", "unchanged"),
}
_PREFIXES: Final = {"warning": "warning: ", "error": "error: ", "info": ""}
_SHORTEST_SECRET: Final = 3
_MIN_PLAIN_EXPONENT: Final = -4
_MAX_PLAIN_EXPONENT: Final = 6


class Display:
    """Collects the text of one operation, in the form that the Pulumi command line prints."""

    def __init__(
        self,
        title: str,
        *,
        root: str,
        secrets: Iterable[str] = (),
        on_output: Callable[[str], object] | None = None,
    ) -> None:
        self._root = root
        # The longest first: a short secret may be a part of a longer one.
        hidden = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._hidden = sorted(hidden, key=len, reverse=True)
        self._on_output = on_output
        self._lines: list[str] = []
        self._messages: dict[str, list[tuple[str, str]]] = {}
        self._lock = threading.Lock()
        self._print(f"{title}:\n")

    def step(self, operation: str, urn: str) -> None:
        """Print one step of a resource."""
        mark = _MARKS.get(operation, " ")
        self._print(f" {mark:<2} {type_of(urn)} {name_of(urn)} {operation}")

    def message(self, text: str, *, urn: str = "", severity: str = "info") -> None:
        """Print a message of a resource, or of the stack if `urn` is empty."""
        urn = urn or self._root
        with self._lock:
            self._messages.setdefault(urn, []).append((severity, self._masked(text)))
        head = text.split("\n", 1)[0]
        self._print(f"    {type_of(urn)} {name_of(urn)} {_PREFIXES[severity]}{head}")

    def error(self, text: str, urn: str = "") -> None:
        """Print an error."""
        self.message(text, urn=urn, severity="error")

    def finish(self, outputs: Properties, counts: Mapping[str, int], *, preview: bool) -> str:
        """Print diagnostics, outputs and counts. Return the whole text of the operation."""
        for section in (self._diagnostics(), _outputs(outputs), _counts(counts, preview=preview)):
            if section:
                self._print("\n".join(section) + "\n")
        with self._lock:
            return "\n".join(self._lines)

    def _diagnostics(self) -> list[str]:
        with self._lock:
            messages = dict(self._messages)
        lines = ["Diagnostics:"] if messages else []
        for urn, printed in messages.items():
            lines.append(f"  {type_of(urn)} ({name_of(urn)}):")
            for severity, text in printed:
                indented = f"{_PREFIXES[severity]}{text.rstrip()}".replace("\n", "\n    ")
                lines.append(f"    {indented}")
            lines.append("")
        return lines

    def _print(self, text: str) -> None:
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
    masked = values.masked(outputs)
    return [
        "Outputs:",
        *(f"    {key}: {_written(value)}" for key, value in sorted(masked.items())),
    ]


def _written(value: Value) -> str:
    masked = value in ("[secret]", "[unknown]")
    return str(value) if masked else json.dumps(value, ensure_ascii=False)


def _counts(counts: Mapping[str, int], *, preview: bool) -> list[str]:
    lines = ["Resources:"]
    for operation, count in sorted(counts.items()):
        mark, done, to_do = _COUNTED.get(operation, (" ", operation, f"to {operation}"))
        lines.append(f"    {mark} {count} {to_do if preview else done}")
    return lines


def check_failure(type_: str, name: str, inputs: Properties, property_: str, reason: str) -> str:
    """Return the error text of a failed check, worded as the command line words it."""
    where = f"{type_} resource '{name}'"
    if not property_:
        return f"{where} has a problem: {reason}"
    value = _braced(inputs.get(property_))
    return f"{where}: property {property_} value {value} has a problem: {reason}"


def _braced(value: Value) -> str:
    """Write a value as the command line does in the error of a failed check."""
    match value:
        case None:
            text = "<nil>"
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = _number(value)
        case list():
            text = f"[{' '.join(map(_braced, value))}]"
        case dict():
            items = " ".join(f"{key}:{_braced(item)}" for key, item in sorted(value.items()))
            text = f"map[{items}]"
        case Secret():
            # The command line prints the secret here, and a test must be able to see that.
            text = f"&{{{_braced(value.value)}}}"
        case str():
            text = value
        case _:
            return "output<string>{}"
    return f"{{{text}}}"


def _number(value: float) -> str:
    """Write a number as Go's %v does: from one million on with an exponent."""
    number = Decimal(repr(float(value))).normalize()
    if not number or _MIN_PLAIN_EXPONENT <= number.adjusted() < _MAX_PLAIN_EXPONENT:
        return f"{number:f}"
    return f"{value:.{len(number.as_tuple().digits) - 1}e}"


def protected_from_replacement(urn: str, because_of: str = "") -> str:
    """Return the error text for a protected resource that would be replaced."""
    part = f' as part of replacing "{because_of}" ' if because_of else "\n"
    text = (
        f'unable to replace resource "{urn}"{part}'
        "as it is currently marked for protection. To unprotect the resource, "
        "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
    )
    if because_of:
        text += f", or use the command:\n`pulumi state unprotect '{urn}'`"
    return text


def protected_from_deletion(urn: str) -> str:
    """Return the error text for a protected resource that would be deleted."""
    return (
        f'resource "{urn}" cannot be deleted\n'
        "because it is protected. To unprotect the resource, either remove the `protect` flag "
        "from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
        f"`pulumi state unprotect '{urn}'`"
    )

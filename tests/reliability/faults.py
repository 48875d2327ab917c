"""The ways in which an answer can go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from parallel_provider.emulator.control_models import FaultKind

When = Literal["before", "after"]

_PAGE = "<html><body>Bad gateway</body></html>"
# More than the client accepts: 64 MiB for a list, 1 MiB for other answers.
_TOO_LARGE_BYTES = 100 << 20
_LONE_SURROGATE = r'"\ud800"'
_400_DIGITS = "1" + 399 * "0"


@dataclass(frozen=True)
class Fault:
    """A fault of a request, before or after the server has done the work."""

    title: str
    when: When
    kind: FaultKind | Literal["refused"]
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float | None = None
    size_bytes: int | None = None
    replace: dict[str, str] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return its name in the document."""
        return f"{self.title} {self.when}"

    @property
    def outlasts_a_call(self) -> bool:
        """Return whether the call ends only by its time limit."""
        return self.kind in ("hang", "drip")


def _before(status: int, title: str = "", **more: Any) -> Fault:  # noqa: ANN401 - fields of Fault
    return Fault(title or str(status), "before", "status", status, **more)


def _after(status: int, title: str = "", body: object = None) -> Fault:
    # The emulator's `garbage` does the work, and then sends the given answer.
    answer = {"detail": "Injected fault"} if body is None else body
    return Fault(title or str(status), "after", "garbage", status, body=answer)


def _odd(path: str, **values: str) -> tuple[Fault, ...]:
    """Return the faults of one field: odd values as JSON text, by their names in the document."""
    name = f"`{path.rpartition('.')[2]}`" if path else "the whole body"
    return tuple(
        Fault(f"{name} {words.strip('_').replace('_', ' ')}", "after", "odd", replace={path: text})
        for words, text in values.items()
    )


def _missing(path: str) -> Fault:
    return Fault(f"`{path.rpartition('.')[2]}` missing", "after", "odd", remove=[path])


FAULTS = (
    _before(401),
    _before(402),
    _before(403),
    _before(404),
    _before(408),
    _before(429, headers={"Retry-After": "1"}),
    _before(500),
    _before(502, "502 HTML", body=_PAGE),
    _before(503, "503 Retry-After", headers={"Retry-After": "1"}),
    Fault("dropped", "before", "drop_before"),
    Fault("refused", "before", "refused"),
    _after(408),
    _after(500),
    _after(502, "502 HTML", body=_PAGE),
    Fault("dropped", "after", "drop_after"),
    Fault("truncated", "after", "truncate"),
    Fault("garbage", "after", "garbage"),
    Fault("delayed", "after", "delay", seconds=0.2),
    Fault("hanging", "after", "hang"),
    # Without a time limit for the whole answer, each would take twenty seconds.
    Fault("dripping", "after", "drip", seconds=0.1, size_bytes=200),
    Fault("endless", "after", "endless", size_bytes=_TOO_LARGE_BYTES),
    Fault("gzip bomb", "after", "gzip_bomb", size_bytes=_TOO_LARGE_BYTES),
)
# For a key, only the answer to its deletion shows whether it is deleted.
GONE = _after(404, body={"detail": "API key not found"})

ODD_CREATED_APP = (
    *_odd("app_id", null="null", dots='".."', lone_surrogate=_LONE_SURROGATE),
    _missing("app_id"),
)
ODD_LIST = (
    *_odd("apps", null="null"),
    *_odd("apps.*.app_id", dots='".."', _400_digits=_400_DIGITS),
    *_odd("apps.*.app_name", lone_surrogate=_LONE_SURROGATE),
    *_odd("apps.*.org_id", null="null"),
)
ODD_KEY = (
    *_odd("api_key_id", dots='".."', lone_surrogate=_LONE_SURROGATE),
    *_odd("raw_api_key", null="null", empty='""', lone_surrogate=_LONE_SURROGATE),
    _missing("raw_api_key"),
    *_odd("created_at", NaN="NaN", _400_digits=_400_DIGITS, negative="-1", text='"soon"'),
    *_odd("display_value", lone_surrogate=_LONE_SURROGATE),
)
ODD_BALANCE = (
    *_odd(
        "credit_balance_cents",
        NaN="NaN",
        as_text_nan='"nan"',
        minus_Infinity="-Infinity",
        _1e999="1e999",
        _400_digits=_400_DIGITS,
        null="null",
    ),
    *_odd("org_id", null="null", lone_surrogate=_LONE_SURROGATE),
    _missing("will_invoice"),
)
ODD_DELETION = _odd("", null="null", NaN="NaN")

"""What can be made to go wrong, and for which request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .odd_values import require_json
from .text import require_unicode

Kind = Literal[
    "status",
    "drop_before",
    "drop_after",
    "truncate",
    "garbage",
    "delay",
    "hang",
    "drip",
    "endless",
    "gzip_bomb",
    "odd",
]

ANY = "*"
_GIB = 1 << 30
_SIZED = ("drip", "endless", "gzip_bomb")

JsonText = Annotated[str, AfterValidator(require_json)]


class Fault(BaseModel):
    """One fault: which requests it waits for (`*` is any), and what becomes of them.

    `status` and `drop_before` don't do the work; all other kinds do. `size_bytes` is where a body
    without end does end, so that no test runs away, and how large a gzip bomb is when decoded.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = ANY
    path: str = ANY
    times: int = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    kind: Kind
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    seconds: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    size_bytes: int = Field(default=_GIB, ge=0, le=4 * _GIB)
    replace: dict[str, JsonText] = Field(default_factory=dict)
    remove: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _refuse_what_has_no_effect(self) -> Fault:
        if (self.kind == "odd") != bool(self.replace or self.remove):
            raise ValueError("replace or remove belong to the kind odd, which needs one of them")
        for path in (*self.replace, *self.remove):
            require_unicode(path)
        if "size_bytes" in self.model_fields_set and self.kind not in _SIZED:
            raise ValueError(f"size_bytes belongs to the kinds {', '.join(_SIZED)}")
        return self

    def matches(self, method: str, route: str) -> bool:
        """Tell whether a request of this method and route template is meant."""
        return self.method.upper() in (ANY, method) and self.path in (ANY, route)


@dataclass(slots=True)
class FaultQueue:
    """The faults still to come, oldest first."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Queue a fault behind those that are there."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Let everything go well again."""
        self.waiting.clear()

    def take(self, method: str, route: str) -> Fault | None:
        """Return the fault for this request, if one is due: one a request, the oldest first.

        Each fault counts the requests it is to let pass (`after`) for itself, those that meet
        another fault included.
        """
        due: Fault | None = None
        for fault in self.waiting:
            if not fault.matches(method, route):
                continue
            if fault.after:
                fault.after -= 1
            elif due is None:
                due = fault
        if due is not None:
            due.times -= 1
            if not due.times:
                self.waiting.remove(due)
        return due

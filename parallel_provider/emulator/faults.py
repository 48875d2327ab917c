"""What can be made to go wrong, and for which request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["status", "drop_before", "drop_after", "truncate", "garbage", "delay", "hang"]

ANY = "*"


class Fault(BaseModel):
    """One fault: which requests it waits for (`*` is any), and what becomes of them."""

    model_config = ConfigDict(extra="forbid")

    method: str = ANY
    path: str = ANY
    times: int = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    kind: Kind
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    seconds: float = Field(default=1.0, ge=0)

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

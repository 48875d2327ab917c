"""Faults of the emulator, as hypothesis plans them for a history."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from parallel_provider.emulator.control_models import FaultKind
from tests.reliability.matrix import ADD_BALANCE, APPS, BALANCE, KEYS, ONE_APP, ONE_KEY

_ANY = ("*", "*")
_ROUTES = (
    ("GET", APPS),
    ("POST", APPS),
    ("DELETE", ONE_APP),
    ("POST", KEYS),
    ("DELETE", ONE_KEY),
    ("GET", BALANCE),
    ("POST", ADD_BALANCE),
)


@dataclass(frozen=True)
class PlannedFault:
    """A planned fault: the request, what happens to it, and how often."""

    route: tuple[str, str]
    kind: FaultKind
    status: int | None
    times: int
    after: int


PLANNED_FAULTS = st.builds(
    lambda route, answer, times, after: PlannedFault(route, answer[0], answer[1], times, after),
    st.just(_ANY) | st.sampled_from(_ROUTES),
    st.sampled_from(
        [
            ("status", 403),
            ("status", 429),
            ("status", 500),
            ("garbage", 500),
            ("garbage", None),
            ("drop_before", None),
            ("drop_after", None),
            ("truncate", None),
        ]
    ),
    st.sampled_from([1, 1, 2, 9]),
    st.integers(0, 5),
)

"""The server's time, by its answers."""

from __future__ import annotations

import pytest

from parallel_provider.api import AccountApi, ApiError
from parallel_provider.api.server_clock import ServerClock
from parallel_provider.testing.emulator import Emulator

DATE = "Mon, 30 Nov 2026 23:59:00 GMT"
DATE_SECONDS = 1_796_083_140.0


class Monotonic:
    """Seconds that go forward only when they are told to."""

    def __init__(self) -> None:
        self.seconds = 5.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


def test_time_before_any_answer_is_unknown() -> None:
    """Nothing is made up."""
    assert ServerClock().now() is None


def test_time_goes_on_from_the_latest_answer() -> None:
    """The local clock only measures how long ago that was."""
    monotonic = Monotonic()
    clock = ServerClock(monotonic)
    clock.note(DATE)
    monotonic.seconds += 7
    assert clock.now() == DATE_SECONDS + 7
    clock.note(DATE)
    assert clock.now() == DATE_SECONDS


@pytest.mark.parametrize(
    "nonsense", [None, "", "soon", "Mon, 99 Nov 2026 23:59:00 GMT", "Mon, 30 Nov 99999 1:1:1 +9999"]
)
def test_date_that_cant_be_read_changes_nothing(nonsense: str | None) -> None:
    """What was known stays."""
    clock = ServerClock(Monotonic())
    clock.note(DATE)
    clock.note(nonsense)
    assert clock.now() == DATE_SECONDS


def test_every_answer_tells_the_time(api: AccountApi, emulator: Emulator) -> None:
    """Refusals too; the emulator's own time is what they tell."""
    assert api.server_time() is None
    emulator.add_fault(
        "status", method="GET", path="/service/v1/apps", status=403, headers={"date": DATE}
    )
    with pytest.raises(ApiError):
        api.list_apps()
    refused_at = api.server_time()
    assert refused_at is not None
    assert DATE_SECONDS <= refused_at < DATE_SECONDS + 60

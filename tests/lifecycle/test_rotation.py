"""The plan of a rotating key, and the words for it: plain functions of values."""

from __future__ import annotations

import pytest

from parallel_provider.lifecycle.declare import format_duration, parse_duration
from parallel_provider.lifecycle.keys import (
    Cause,
    Plan,
    RetiredKey,
    certain_time,
    generation_name,
    plan,
    sentences,
)
from parallel_provider.printable import line_for_user

DAY = 86_400
OLD = RetiredKey(api_key_id="id-1", api_key_name="svc", retired_at=100 * DAY)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90d", 90 * DAY),
        ("12h", 12 * 3_600),
        ("30m", 1_800),
        ("45s", 45),
        ("1d12h", 36 * 3_600),
        ("2w", 14 * DAY),
        ("0s", 0),
        ("P30D", 30 * DAY),
        ("P1DT12H", 36 * 3_600),
        ("PT30M", 1_800),
        ("P2W", 14 * DAY),
    ],
)
def test_duration_is_read_in_each_notation(text: str, seconds: int) -> None:
    """Each unit, combinations, and ISO 8601."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "d", "90", "-1d", "1.5d", "12h1d", "P", "PT", "P1M", "P1Y", "1 d", "٣d", "1d ", "1D"],
)
def test_ambiguous_duration_is_refused(text: str) -> None:
    """Months, fractions, other orders and other scripts aren't guessed at."""
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


def test_endless_duration_is_refused() -> None:
    """A typing error of some zeros isn't taken for a plan."""
    with pytest.raises(ValueError, match="less than a thousand years"):
        parse_duration("9" * 30 + "d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (3_660, "1h 1m"), (91 * DAY + 4 * 3_600 + 5, "91d 4h"), (-5, "0s")],
)
def test_duration_is_written_for_people(seconds: float, text: str) -> None:
    """The two largest units are enough."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("now", "triggers_changed", "cause"),
    [
        (130 * DAY - 1, False, None),
        (130 * DAY, False, "age"),
        (101 * DAY, True, "triggers"),
        (131 * DAY, True, "triggers"),
        (None, False, None),
        (None, True, "triggers"),
    ],
)
def test_rotation_is_due_by_age_or_by_trigger(
    now: float | None, triggers_changed: bool, cause: Cause | None
) -> None:
    """From the very second on; a trigger is the better reason where both are there."""
    due = plan(
        created_at=100 * DAY,
        retired=(),
        rotate_after=30 * DAY,
        overlap=DAY,
        triggers_changed=triggers_changed,
        now=now,
    )
    assert due == Plan(cause, ())


@pytest.mark.parametrize(
    ("overlap", "now", "revoked"),
    [
        (DAY, 101 * DAY - 1, False),
        (DAY, 101 * DAY, True),
        (0, 100 * DAY, True),
        (0, 99 * DAY, True),
        (0, None, True),
        (DAY, None, False),
        (None, 1e12, False),
    ],
)
def test_retired_key_is_revoked_after_its_overlap(
    overlap: int | None, now: float | None, revoked: bool
) -> None:
    """From the very second on; not while the time or the overlap isn't known.

    Without an overlap, it is revoked whatever the time is.
    """
    due = plan(
        created_at=100 * DAY,
        retired=(OLD,),
        rotate_after=None,
        overlap=overlap,
        triggers_changed=False,
        now=now,
    )
    assert due == Plan(None, (OLD,) if revoked else ())


@pytest.mark.parametrize(
    ("here", "at_server", "certain"),
    [(100.0, 200.0, 100.0), (200.0, 100.0, 100.0), (200.0, None, None)],
)
def test_time_has_come_only_by_both_clocks(
    here: float, at_server: float | None, certain: float | None
) -> None:
    """The earlier of the two counts, and none without the server's."""
    assert certain_time(here, at_server) == certain


@pytest.mark.parametrize(
    ("due", "at_once", "said"),
    [
        (Plan(), False, []),
        (
            Plan("age"),
            False,
            ["'svc-2' is due to be rotated: it is 31d 1h old, and rotate_after is 30d."],
        ),
        (
            Plan("triggers", (OLD,)),
            True,
            [
                "'svc-2' is due to be rotated: its triggers have changed; with an overlap of "
                "0s, it is revoked in the same run.",
                "The overlap of 'svc' has passed: due to be revoked.",
            ],
        ),
        (
            Plan(None, (OLD,)),
            False,
            ["The overlap of 'svc' has passed: due to be revoked; the current key 'svc-2' stays."],
        ),
    ],
)
def test_plan_is_said_in_words(due: Plan, at_once: bool, said: list[str]) -> None:
    """What a preview can't show stands in a message."""
    age = 31 * DAY + 3_600
    words = sentences(due, current_name="svc-2", age=age, rotate_after="30d", at_once=at_once)
    assert [line_for_user(line) for line in words] == said


def test_each_generation_has_a_name_of_its_own() -> None:
    """The first has the plain name."""
    assert [generation_name("svc", n) for n in (1, 2, 12)] == ["svc", "svc-2", "svc-12"]


@pytest.mark.parametrize(
    ("triggers_changed", "now", "cause"),
    [(True, None, "triggers"), (False, 1_000.0 + DAY, "age"), (False, 1_000.0, None)],
)
def test_key_without_overlap_rotates_for_the_same_reasons(
    triggers_changed: bool, now: float | None, cause: str | None
) -> None:
    """Retired keys are due then, and the current key is judged as with an overlap."""
    due = plan(
        created_at=1_000,
        retired=(),
        rotate_after=DAY,
        overlap=0,
        triggers_changed=triggers_changed,
        now=now,
    )
    assert due.rotate_because == cause

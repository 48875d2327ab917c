"""Whatever happens to a rotating key, in whatever order, its promises hold.

The lifecycle runs against an in-memory account of a few lines, with a clock that hypothesis moves,
so that thousands of histories cost seconds; the scenarios run some of them for real.
"""

from __future__ import annotations

import itertools
import threading
from typing import Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    AppItem,
    Apps,
    Balance,
    ConnectionFailedError,
    CreatedApiKey,
)
from parallel_provider.lifecycle.declare import Duration
from parallel_provider.lifecycle.keys import (
    RetiredKey,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
    RotatingApiKeyState,
    certain_time,
    plan_at,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.shown_once import believed_time
from tests.lifecycle.test_rotation import STATE

HOUR, DAY = 3_600, 86_400
# A `created_at` that is less wrong than this is believed.
BELIEVED = 300
Time = Literal["created_at", "date", "here"]
APP_ID = "11111111-1111-4111-8111-111111111111"
LIFECYCLE = RotatingApiKeyLifecycle()


class Account:
    """What a server holds: keys by id, with the second in which each was made and revoked.

    `now` is the real time. What the server says of it may be wrong: in its Date headers, which may
    also be missing, and in `created_at`.
    """

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.cancellation = threading.Event()
        self.created: dict[str, int] = {}
        self.revoked: dict[str, int] = {}
        self.creating_fails = False
        self.revoking_fails = False
        self.tells_time = True
        self.wrong_by: dict[Time, int] = {}
        self._ids = itertools.count(1)

    @property
    def alive(self) -> set[str]:
        return self.created.keys() - self.revoked.keys()

    call_seconds = 5.0

    def server_time(self) -> float | None:
        return float(self.now + self.wrong_by.get("date", 0)) if self.tells_time else None

    def person(self) -> str | None:
        return "person"

    def list_apps(self) -> Apps:
        app = AppItem(app_id=APP_ID, app_name="app", org_id="org", org_name="Org")
        return Apps([app], is_complete=True)

    def get_balance(self) -> Balance:
        raise AssertionError("keys don't need the balance")

    def create_key(self, app_id: str, api_key_name: str) -> CreatedApiKey:
        if self.creating_fails:
            raise ConnectionFailedError("no network")
        api_key_id = f"key-{next(self._ids)}"
        self.created[api_key_id] = self.now
        date = self.server_time()
        return CreatedApiKey(
            api_key_id=api_key_id,
            api_key_name=api_key_name,
            app_id=app_id,
            app_name="app",
            created_by_user_id="user",
            created_by_user_email="user@example.com",
            display_value="...",
            raw_api_key=SecretStr(f"raw-{api_key_id}"),
            created_at=self.now + self.wrong_by.get("created_at", 0),
        ).model_copy(update={"answered_at": date})

    def delete_key(self, app_id: str, api_key_id: str) -> None:  # noqa: ARG002 - the API's own
        if self.revoking_fails:
            raise ConnectionFailedError("no network")
        assert api_key_id not in self.revoked, "a key was revoked twice"
        self.revoked[api_key_id] = self.now


class Quiet:
    """Takes messages and keeps none."""

    def info(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


class History(RuleBasedStateMachine):
    """Runs, refreshes and failures of one RotatingApiKey."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.rotate_after, self.overlap, self.triggers = "10d", "2d", 0
        self.state: RotatingApiKeyState | None = None
        self.stopped_being_current: dict[str, int] = {}

    def run(self) -> Run:
        """Begin a run: a new process with the same account."""
        api = cast(AccountApi, self.account)
        return Run(api, Quiet(), clock=lambda: self.here)

    def inputs(self) -> dict[str, object]:
        """Return what the program says now."""
        return {
            "app_id": APP_ID,
            "api_key_name": "svc",
            "rotate_after": self.rotate_after,
            "overlap": self.overlap,
            "triggers": self.triggers,
        }

    def up(self) -> bool:
        """Do what the engine does with one resource; say whether the run succeeded."""
        context, news = Context(self.run()), self.inputs()
        assert not LIFECYCLE.check(context, {}, news).problems
        inputs = RotatingApiKeyInputs.model_validate(news)
        before = self.state
        revoked_before = set(self.account.revoked)
        try:
            if before is None:
                self.state = LIFECYCLE.create(context, inputs)
            elif LIFECYCLE.diff(context, before, dict(inputs)).changed:
                self.state = LIFECYCLE.update(context, before, inputs)
        except ConnectionFailedError:
            assert self.account.revoked.keys() == revoked_before, "revoked in a run that failed"
            return False
        assert self.state is not None
        if before is not None and before.api_key_id != self.state.api_key_id:
            self.stopped_being_current[before.api_key_id] = self.account.now
        for api_key_id in self.account.revoked.keys() - revoked_before:
            self.assert_may_be_revoked(api_key_id, before)
        return True

    def assert_may_be_revoked(self, api_key_id: str, before: RotatingApiKeyState | None) -> None:
        """Assert that the overlap of a key has passed: in fact, and by both clocks."""
        overlap = Duration(self.overlap).seconds
        kept_for = self.account.now - self.stopped_being_current[api_key_id]
        assert kept_for >= overlap - BELIEVED, "revoked within its overlap"
        if overlap:
            assert before is not None
            [retired] = [key for key in before.retired_keys if key.api_key_id == api_key_id]
            for clock in (self.here, self.account.server_time()):
                assert clock is not None, "revoked at an unknown time"
                assert clock >= retired.retired_at + overlap, "revoked by one clock alone"

    @initialize()
    def first_run(self) -> None:
        """Begin with a key."""
        assert self.up()

    @rule(seconds=st.integers(0, 15 * DAY))
    def time_passes(self, seconds: int) -> None:
        """Nobody runs anything for a while."""
        self.account.now += seconds

    @rule(early=st.sampled_from([0, 1]))
    def rotation_comes_due(self, early: int) -> None:
        """The very second of the next rotation arrives, or the one before it."""
        self.account.now = max(self.account.now, self.next_rotation_at - early)

    @rule()
    def run_again(self) -> None:
        """A run, and another one at the same instant, which finds nothing to do."""
        generation = self.generation
        was_due = self.is_due
        if not self.up():
            assert self.generation == generation
            return
        assert self.generation == generation + was_due
        minted = len(self.account.created)
        assert self.up()
        assert len(self.account.created) == minted, "rotated twice at one instant"

    @rule()
    def trigger(self) -> None:
        """A change of triggers rotates once, whatever the age."""
        self.triggers += 1
        generation = self.generation
        if self.up():
            assert self.generation == generation + 1
        else:
            self.triggers -= 1

    @rule(overlap=st.sampled_from(["0s", "1s", "1d", "2d", "5d"]))
    def change_overlap(self, overlap: str) -> None:
        """A change of the overlap never rotates by itself."""
        self.overlap = overlap
        self.account.creating_fails, was_failing = True, self.account.creating_fails
        due = self.is_due
        assert self.up() or due
        self.account.creating_fails = was_failing

    @rule(rotate_after=st.sampled_from(["5d", "10d", "20d"]))
    def change_rotate_after(self, rotate_after: str) -> None:
        """A change of the age moves the next rotation."""
        self.rotate_after = rotate_after
        if self.up():
            assert self.state is not None
            assert self.state.next_rotation_at == (
                self.state.created_at + Duration(rotate_after).seconds
            )

    @rule()
    def refresh(self) -> None:
        """A refresh changes nothing."""
        assert self.state is not None
        minted, alive = len(self.account.created), self.account.alive
        assert LIFECYCLE.read(Context(self.run()), self.state) == self.state
        assert (len(self.account.created), self.account.alive) == (minted, alive)

    @rule(creating=st.booleans(), revoking=st.booleans())
    def weather_changes(self, creating: bool, revoking: bool) -> None:
        """From now on, creating or revoking fails, or works again."""
        self.account.creating_fails, self.account.revoking_fails = creating, revoking

    @rule(
        time=st.sampled_from(["created_at", "date", "here"]),
        by=st.sampled_from([-40 * DAY, -2 * HOUR, -BELIEVED, BELIEVED + 1, 3 * DAY, 400 * DAY]),
        tells_time=st.booleans(),
    )
    def one_time_is_wrong(self, time: Time, by: int, tells_time: bool) -> None:
        """From now on, one of the three times is wrong. Answers may have no date as well."""
        self.account.wrong_by, self.account.tells_time = {time: by}, tells_time

    @rule(tells_time=st.booleans())
    def all_times_are_right(self, tells_time: bool) -> None:
        """From now on, no time is wrong. Answers may have no date."""
        self.account.wrong_by, self.account.tells_time = {}, tells_time

    @precondition(lambda self: not self.account.revoking_fails)
    @rule()
    def destroy_and_create(self) -> None:
        """Destroying revokes every key there is."""
        assert self.state is not None
        LIFECYCLE.delete(Context(self.run()), self.state)
        assert not self.account.alive
        self.account.creating_fails = False
        self.state = None
        assert self.up()

    @invariant()
    def current_key_is_alive(self) -> None:
        """There is a current key after every run."""
        if self.state is not None:
            assert self.state.api_key_id in self.account.alive

    @invariant()
    def no_key_is_unknown(self) -> None:
        """Every key ever minted is in the state or revoked."""
        if self.state is not None:
            held = {self.state.api_key_id, *(key.api_key_id for key in self.state.retired_keys)}
            assert self.account.alive == held

    @invariant()
    def no_more_than_two_keys_outlive_the_overlap(self) -> None:
        """After two runs, what is alive is current, in its overlap, or failed to be revoked.

        The run that rotates a key doesn't revoke it, also if the new key's time is believed to be
        so far behind that a short overlap has passed.
        """
        works = self.account.tells_time and not self.account.revoking_fails
        if self.state is not None and works and self.up() and self.up():
            overlap = Duration(self.overlap).seconds
            for key in self.state.retired_keys:
                assert self.certain_now is not None
                assert self.certain_now < key.retired_at + overlap

    @property
    def generation(self) -> int:
        """Return which key is current."""
        return self.state.generation if self.state is not None else 0

    @property
    def here(self) -> float:
        """Return this machine's time."""
        return float(self.account.now + self.account.wrong_by.get("here", 0))

    @property
    def certain_now(self) -> float | None:
        """Return the time that has come by both clocks; None if the server doesn't tell its."""
        at_server = self.account.server_time()
        return None if at_server is None else min(at_server, self.here)

    @property
    def is_due(self) -> bool:
        """Say whether both clocks say that a rotation by age is due."""
        return self.certain_now is not None and self.certain_now >= self.next_rotation_at

    @property
    def next_rotation_at(self) -> int:
        """Return when the program's current inputs ask for a rotation."""
        assert self.state is not None
        return self.state.created_at + Duration(self.rotate_after).seconds


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_histories_keep_the_promises() -> None:
    """The same with many more histories."""
    many = settings(max_examples=1_000, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(History, settings=many)


times = st.integers(1_700_000_000, 1_700_000_000 + 5 * DAY)


@given(
    stated=times,
    answered_at=times | st.none(),
    here_then=times,
    at_server=times | st.none(),
    here=times,
    overlap=st.integers(1, 2 * DAY),
)
def test_no_key_is_revoked_while_one_clock_says_that_its_overlap_has_not_passed(
    *,
    stated: int,
    answered_at: int | None,
    here_then: int,
    at_server: int | None,
    here: int,
    overlap: int,
) -> None:
    """The overlap begins when the next key was created, by the answer or by its date."""
    created_at = believed_time(stated, answered_at, here_then)
    other = here_then if answered_at is None else answered_at
    retired = RetiredKey(api_key_id="id", api_key_name="svc", retired_at=created_at)

    state = STATE.model_copy(update={"created_at": created_at, "keys_to_revoke": (retired,)})
    inputs = {"overlap": Duration(f"{overlap}s"), "triggers": state.triggers}

    due = plan_at(certain_time(here, at_server), state, inputs)

    begins_at = max(stated, other - BELIEVED)
    has_passed = [now is not None and now >= begins_at + overlap for now in (here, at_server)]
    assert not due.revoke or all(has_passed)

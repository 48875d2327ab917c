"""Whatever happens to a rotating key, in whatever order, its promises hold.

The lifecycle runs against an in-memory account of a few lines, with a clock that hypothesis moves,
so that thousands of histories cost seconds; the scenarios run some of them for real.
"""

from __future__ import annotations

import itertools
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    AppItem,
    Apps,
    Balance,
    ConnectionFailedError,
    CreatedApiKey,
)
from parallel_provider.cancellation import Cancellation
from parallel_provider.lifecycle.durations import parse_duration
from parallel_provider.lifecycle.rotating_api_key import RotatingApiKeyLifecycle
from parallel_provider.lifecycle.rotating_api_key_state import (
    RotatingApiKeyInputs,
    RotatingApiKeyState,
)
from parallel_provider.lifecycle.run import Context, Run

APP_ID = "11111111-1111-4111-8111-111111111111"
LIFECYCLE = RotatingApiKeyLifecycle()


class Account:
    """What a server holds: keys by id, with the second in which each was made and revoked."""

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.cancellation = Cancellation()
        self.created: dict[str, int] = {}
        self.revoked: dict[str, int] = {}
        self.creating_fails = False
        self.revoking_fails = False
        self.tells_time = True
        self._ids = itertools.count(1)

    @property
    def alive(self) -> set[str]:
        return self.created.keys() - self.revoked.keys()

    call_seconds = 5.0

    def server_time(self) -> float | None:
        return float(self.now) if self.tells_time else None

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
        return CreatedApiKey(
            api_key_id=api_key_id,
            api_key_name=api_key_name,
            app_id=app_id,
            app_name="app",
            created_by_user_id="user",
            created_by_user_email="user@example.com",
            display_value="...",
            raw_api_key=SecretStr(f"raw-{api_key_id}"),
            created_at=self.now,
        )

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
        self.ahead = 0
        self.rotate_after, self.overlap, self.triggers = "10d", "2d", 0
        self.state: RotatingApiKeyState | None = None
        self.stopped_being_current: dict[str, int] = {}

    def run(self) -> Run:
        """Begin a run: a new process with the same account."""
        api = cast(AccountApi, self.account)
        return Run(api, Quiet(), clock=lambda: float(self.account.now + self.ahead))

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
            elif LIFECYCLE.diff(context, before, news).changed:
                self.state = LIFECYCLE.update(context, before, inputs)
        except ConnectionFailedError:
            assert self.account.revoked.keys() == revoked_before, "revoked in a run that failed"
            return False
        assert self.state is not None
        if before is not None and before.api_key_id != self.state.api_key_id:
            self.stopped_being_current[before.api_key_id] = self.account.now
        for api_key_id in self.account.revoked.keys() - revoked_before:
            kept_for = self.account.now - self.stopped_being_current[api_key_id]
            assert kept_for >= parse_duration(self.overlap), "revoked within its overlap"
        return True

    @initialize()
    def first_run(self) -> None:
        """Begin with a key."""
        assert self.up()

    @rule(seconds=st.integers(0, 15 * 86_400))
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
        was_due = self.account.now >= self.next_rotation_at
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
        due = self.account.now >= self.next_rotation_at
        assert self.up() or due
        self.account.creating_fails = was_failing

    @rule(rotate_after=st.sampled_from(["5d", "10d", "20d"]))
    def change_rotate_after(self, rotate_after: str) -> None:
        """A change of the age moves the next rotation."""
        self.rotate_after = rotate_after
        if self.up():
            assert self.state is not None
            assert self.state.next_rotation_at == self.state.created_at + parse_duration(
                rotate_after
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

    @rule(ahead=st.sampled_from([0, 7_200, 400 * 86_400]))
    def clock_of_this_machine_is_ahead(self, ahead: int) -> None:
        """From now on, this machine's clock is wrong; the server's time decides."""
        self.ahead, self.account.tells_time = ahead, True

    @rule(tells_time=st.booleans())
    def answers_tell_no_time(self, tells_time: bool) -> None:
        """From now on, answers have no date, or have one again."""
        self.ahead, self.account.tells_time = 0, tells_time

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
        """Right after a run, what is alive is current, in its overlap, or failed to be revoked."""
        works = self.account.tells_time and not self.account.revoking_fails
        if self.state is not None and works and self.up():
            overlap = parse_duration(self.overlap)
            for key in self.state.retired_keys:
                assert self.account.now < key.retired_at + overlap

    @property
    def generation(self) -> int:
        """Return which key is current."""
        return self.state.generation if self.state is not None else 0

    @property
    def next_rotation_at(self) -> int:
        """Return when the program's current inputs ask for a rotation."""
        assert self.state is not None
        return self.state.created_at + parse_duration(self.rotate_after)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

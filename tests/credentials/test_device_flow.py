"""The device flow: how often it polls, and every way it can end. Time is injected."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.oauth import (
    ALL_SCOPES,
    DeviceCode,
    SignInServer,
    TokenGrant,
    request_code,
    wait_for_approval,
)
from parallel_provider.errors import CredentialsError, OAuthError, SignInUnavailableError

GRANT = TokenGrant(access_token=SecretStr("access"), org_id="org_1")
UNREACHABLE = SignInUnavailableError("no route", may_have_worked=False)
LOST = SignInUnavailableError("the connection broke", may_have_worked=True)


def refusal(code: str) -> OAuthError:
    """Return the server's refusal with this code."""
    return OAuthError(f"refused ({code})", code=code)


PENDING = refusal("authorization_pending")
SLOW_DOWN = refusal("slow_down")


class ScriptedServer(SignInServer):
    """Gives `answers` in their order, and the last one again and again. Knows some clients."""

    def __init__(
        self,
        answers: Sequence[TokenGrant | CredentialsError] = (),
        known_clients: Sequence[str] = (),
    ) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = answers
        self.known_clients = set(known_clients)
        self.polls = 0
        self.registrations = 0
        self.can_register = True

    def register_client(self) -> str:
        """Register another client."""
        self.registrations += 1
        if not self.can_register:
            raise UNREACHABLE
        client_id = f"client_{self.registrations}"
        self.known_clients.add(client_id)
        return client_id

    def request_device_code(self, client_id: str, scopes: Sequence[str]) -> DeviceCode:
        """Give a code to a client that is known."""
        if client_id not in self.known_clients:
            raise refusal("invalid_client")
        if not scopes:
            raise refusal("invalid_scope")
        return code()

    def exchange_device_code(self, client_id: str, device_code: SecretStr) -> TokenGrant:
        """Give the next answer."""
        del client_id, device_code
        answer = self.answers[min(self.polls, len(self.answers) - 1)]
        self.polls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.sleeps.append(seconds)
        self.now += seconds

    def wait_for_approval(
        self,
        server: ScriptedServer,
        device_code: DeviceCode | None = None,
        timeout_seconds: float | None = None,
    ) -> TokenGrant:
        """Wait for the approval of a code, by this clock."""
        return wait_for_approval(
            server,
            "c",
            device_code or code(),
            timeout_seconds=timeout_seconds,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


def code(expires_in: float = 600, interval: float = 5) -> DeviceCode:
    """Return a device code."""
    return DeviceCode(
        device_code=SecretStr("secret-device-code"),
        user_code="ABCD-EFGH",
        verification_uri="https://platform.example/device",
        expires_in=expires_in,
        interval=interval,
    )


@pytest.fixture
def time() -> Time:
    """Give a clock of its own."""
    return Time()


def test_pending_code_is_polled_at_the_servers_interval(time: Time) -> None:
    """The server's interval lies between two requests."""
    server = ScriptedServer([PENDING, PENDING, GRANT])
    time.wait_for_approval(server, code(interval=7))
    assert time.sleeps == [7, 7]


def test_slow_down_adds_five_seconds_for_good(time: Time) -> None:
    """RFC 8628, section 3.5: all later requests keep the longer interval."""
    server = ScriptedServer([PENDING, SLOW_DOWN, PENDING, SLOW_DOWN, GRANT])
    time.wait_for_approval(server)
    assert time.sleeps == [5, 10, 10, 15]


def test_server_that_does_not_answer_is_asked_less_often(time: Time) -> None:
    """RFC 8628, section 3.5: the interval doubles while there is no answer."""
    server = ScriptedServer([UNREACHABLE, UNREACHABLE, PENDING, GRANT])
    time.wait_for_approval(server)
    assert time.sleeps == [10, 20, 20]


def test_interval_of_zero_is_no_busy_loop(time: Time) -> None:
    """There is at most one request a second."""
    server = ScriptedServer([PENDING, PENDING, GRANT])
    time.wait_for_approval(server, code(interval=0))
    assert time.sleeps == [1, 1]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([refusal("access_denied")], "denied in the browser"),
        ([PENDING, refusal("expired_token")], "ended before it was approved"),
        ([refusal("invalid_scope")], "refused .invalid_scope"),
        ([LOST, refusal("invalid_grant")], "invalid_grant.*login` again"),
    ],
)
def test_final_answer_ends_the_wait(
    time: Time, answers: list[CredentialsError], reason: str
) -> None:
    """An answer that can't change any more is an error at once."""
    with pytest.raises(CredentialsError, match=reason):
        time.wait_for_approval(ScriptedServer(answers))


def test_code_that_nobody_approves_ends_with_its_lifetime(time: Time) -> None:
    """The wait ends when the code expires."""
    server = ScriptedServer([PENDING])
    with pytest.raises(CredentialsError, match="within 60 seconds"):
        time.wait_for_approval(server, code(expires_in=60))
    assert sum(time.sleeps) == 60


def test_timeout_may_end_before_the_code(time: Time) -> None:
    """The wait ends after the given time."""
    with pytest.raises(CredentialsError, match="within 12 seconds"):
        time.wait_for_approval(ScriptedServer([PENDING]), timeout_seconds=12)
    assert time.sleeps == [5, 5, 2]


def test_approval_within_a_timeout_shorter_than_the_interval_is_seen(time: Time) -> None:
    """The last request is sent at the end of the given time."""
    server = ScriptedServer([PENDING, GRANT])
    assert time.wait_for_approval(server, code(interval=5), timeout_seconds=3) == GRANT
    assert time.sleeps == [3]


def test_server_that_never_answers_is_the_reason_given(time: Time) -> None:
    """If the code expires while the server can't be reached, the error says why it can't."""
    with pytest.raises(SignInUnavailableError, match="no route"):
        time.wait_for_approval(ScriptedServer([UNREACHABLE]))


def test_known_client_is_not_registered_again() -> None:
    """An installation keeps its client_id."""
    server = ScriptedServer(known_clients=["client_0"])
    assert request_code(server, "client_0", ALL_SCOPES)[0] == "client_0"
    assert server.registrations == 0


@pytest.mark.parametrize("client_id", [None, "forgotten"])
def test_official_clients_id_is_used_if_registering_fails(client_id: str | None) -> None:
    """Every server knows it."""
    server = ScriptedServer(known_clients=["parallel-cli"])
    server.can_register = False
    assert request_code(server, client_id, ALL_SCOPES)[0] == "parallel-cli"


def test_other_refusal_of_a_code_registers_nothing() -> None:
    """A client is registered only if the server doesn't know it."""
    server = ScriptedServer(known_clients=["client_0"])
    with pytest.raises(OAuthError, match="invalid_scope"):
        request_code(server, "client_0", [])
    assert server.registrations == 0

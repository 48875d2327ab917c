"""A server, a stack, and an audit: compares the server with the state and finds what is lost."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from parallel_provider.api import AccountApi, ApiError, RetryPolicy
from parallel_provider.api.transport import Transport
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.emulator.control_models import AppState, KeyState
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.charge_journal import ChargeJournal
from parallel_provider.lifecycle.run import Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import NOWHERE, Said
from tests.reliability.engine import Killed, Stack

MAX_TOP_UP_CENTS = 2_000
AT_ONCE = RetryPolicy(attempts=3, first_wait_seconds=0.0, longest_wait_seconds=0.0)
# Enough for any real answer, also on a busy machine.
IMPATIENT = RetryPolicy(
    attempts=3, deadline_seconds=3.0, first_wait_seconds=0.0, longest_wait_seconds=0.0
)

# A double can't represent every integer beyond this.
_MAX_EXACT = 2**53

Act = Callable[[Run], None]


@dataclass
class RunOutput:
    """What the user of one run sees, and the API client's messages in it."""

    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    killed: bool = False
    seconds: float = 0.0

    @property
    def alarms(self) -> list[str]:
        """Return the error and the warnings."""
        return [*([self.error] if self.error else []), *self.warnings]

    @property
    def lines(self) -> list[str]:
        """Return all messages."""
        return [*self.alarms, *self.infos]


class World:
    """One emulator, reset, and one stack. Every run is a new process with its own memory."""

    def __init__(self, emulator: Emulator) -> None:
        emulator.reset()
        self.emulator = emulator
        self.access_token = emulator.access_token
        self.stack = Stack()
        self.runs: list[RunOutput] = []
        self._offset = 0.0
        self._folder = tempfile.TemporaryDirectory()
        self._journal = ChargeJournal(Path(self._folder.name))
        self.at_first = {app["app_id"] for app in emulator.state()["apps"]}
        self.by_console: set[str] = set()

    def console_creates(self, app_name: str) -> None:
        """Create an app as a person does. No run is responsible for it."""
        self.clean_run(lambda run: self.by_console.add(run.api.create_app(app_name)))

    def text(self) -> str:
        """Return all messages so far."""
        return "\n".join(line for output in self.runs for line in output.lines)

    def now(self) -> float:
        """Return epoch seconds, by the clock of this world."""
        return time.time() + self._offset

    def wait(self, seconds: float) -> None:
        """Move the time forward, for the server too."""
        self._offset += seconds
        self.emulator.set_clock(self._offset)

    def run(
        self,
        act: Act,
        *,
        retry_policy: RetryPolicy = AT_ONCE,
        server_away: bool = False,
        killed_after: int | None = None,
    ) -> RunOutput:
        """Run something, and return what the user sees.

        `killed_after` counts network steps: at that number, the process ends instead of sending a
        request (even numbers from 0) or instead of reading its answer (odd numbers).
        """
        said, output = Said(), RunOutput()
        url = NOWHERE if server_away else self.emulator.url
        api = _WatchedApi(url, self.access_token, retry_policy, output.reasons, killed_after)
        started = time.monotonic()
        with api:
            run = Run(api, said, MAX_TOP_UP_CENTS, self.now, journal=self._journal)
            try:
                act(run)
            except ParallelError as error:
                output.error = str(error)
            except Killed:
                output.killed = True
        output.seconds = time.monotonic() - started
        output.warnings, output.infos = said.warnings, said.infos
        self.runs.append(output)
        return output

    def clean_run(self, act: Act) -> None:
        """Run something that must succeed."""
        output = self.run(act)
        assert output.error is None, output.error

    def settle_charges(self, error: str) -> None:
        """Settle the charge that an error names, as the server's list of charges says."""
        made = {charge["idempotency_key"] for charge in self.emulator.state()["charges"]}
        for entry in self._journal.entries():
            if entry.key not in error:
                continue
            if entry.key in made:
                self._journal.write(entry.model_copy(update={"outcome": "charged"}))
            else:
                self._journal.forget(entry)

    def audit(self) -> Audit:
        """Compare the server with the state and with all messages so far."""
        server = self.emulator.state()
        known = [resource.outputs for resource in self.stack.all]
        held_apps = {r.resource_id for r in self.stack.all if r.kind == "App"}
        held_keys = {key_id for outputs in known for key_id in _keys_of(outputs)}
        text = self.text()
        alarms = [line for output in self.runs for line in output.alarms]
        apps = [app for app in server["apps"] if app["app_id"] not in self.at_first]
        keys = [key for key in server["keys"] if key["revoked_at"] is None]
        stray_apps = [a for a in apps if a["app_id"] not in held_apps]
        stray_keys = [key for key in keys if key["api_key_id"] not in held_keys]
        return Audit(
            apps=len(apps),
            keys=len(keys),
            charged_cents=sum(charge["amount_cents"] for charge in server["charges"]),
            held_apps=len(held_apps),
            held_keys=len(held_keys),
            held_cents=sum(int(outputs.get("total_charged_cents", 0)) for outputs in known),
            stray_apps=len(stray_apps),
            stray_keys=len(stray_keys),
            lost_apps=[
                app["app_id"]
                for app in stray_apps
                if app["app_id"] not in self.by_console and not _is_named(text, app)
            ],
            unknown_keys=[k["api_key_id"] for k in stray_keys if not _is_to_be_revoked(alarms, k)],
            gone_apps=held_apps - {app["app_id"] for app in server["apps"]},
            gone_keys=held_keys - {key["api_key_id"] for key in keys},
            charges=Counter(charge["idempotency_key"] for charge in server["charges"]),
            unknown_charges=[
                charge["idempotency_key"]
                for charge in server["charges"]
                if charge["idempotency_key"] not in text
                and not any(charge["idempotency_key"] in str(outputs) for outputs in known)
            ],
            unkept_states=[r.name for r in self.stack.all if not _can_be_kept(r.outputs)],
            leaks=self.emulator.leaks_in(f"{text}\n{server['log']}"),
        )


@dataclass(frozen=True)
class Audit:
    """What exists where, and what is lost."""

    apps: int
    keys: int
    charged_cents: int
    held_apps: int
    held_keys: int
    held_cents: int
    stray_apps: int
    stray_keys: int
    lost_apps: list[str]
    unknown_keys: list[str]
    gone_apps: set[str]
    gone_keys: set[str]
    charges: Counter[str]
    unknown_charges: list[str]
    unkept_states: list[str]
    leaks: list[str]


def _keys_of(outputs: dict[str, Any]) -> Iterator[str]:
    """Return the ids of the keys in a resource's state."""
    for name in ("api_key_id", "previous_api_key_id"):
        if outputs.get(name):
            yield outputs[name]
    for key in outputs.get("keys_to_revoke", ()):
        yield key["api_key_id"]


def _can_be_kept(outputs: dict[str, Any]) -> bool:
    """Return whether outputs can be sent to the engine: Unicode text and finite doubles."""
    try:
        text = json.dumps(outputs, ensure_ascii=False, allow_nan=False)
        json.loads(text.encode(), parse_int=_exact)
    except ValueError:
        return False
    return True


def _exact(digits: str) -> int:
    number = int(digits)
    if abs(number) > _MAX_EXACT:
        raise ValueError(digits)
    return number


def _is_named(text: str, app: AppState) -> bool:
    return app["app_id"] in text or f"an app named {app['app_name']!r} may exist" in text


def _is_to_be_revoked(alarms: list[str], key: KeyState) -> bool:
    """Return whether an alarm has the key's id, or its name, its app and "revoke"."""
    searched = (repr(key["api_key_name"]), key["app_id"], "revoke")
    return any(
        key["api_key_id"] in line or all(words in line for words in searched) for line in alarms
    )


class _WatchedApi(AccountApi):
    """The client. It records its error messages, and can be killed at any request."""

    def __init__(
        self,
        url: str,
        access_token: str,
        retry_policy: RetryPolicy,
        reasons: list[str],
        killed_after: int | None,
    ) -> None:
        source = StaticToken(SecretStr(access_token), "PARALLEL_ACCESS_TOKEN")
        super().__init__(url, source, retry_policy=retry_policy)
        self._reasons = reasons
        self._events_left = killed_after

    def _connect(self) -> Transport:
        transport = super()._connect()
        send, attempt = transport.send, transport._attempt

        def watched_send(*request: Any, **options: Any) -> Any:  # noqa: ANN401 - handed on
            with self._noting():
                return send(*request, **options)

        def watched_attempt(*request: Any) -> Any:  # noqa: ANN401 - handed on
            with self._noting():
                self._live_on()
                answer = attempt(*request)
                self._live_on()
                return answer

        vars(transport).update(send=watched_send, _attempt=watched_attempt)
        return transport

    def _live_on(self) -> None:
        if self._events_left is None:
            return
        if self._events_left == 0:
            raise Killed
        self._events_left -= 1

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            self._reasons.append(str(error))
            raise

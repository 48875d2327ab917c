"""The Account API emulator as a process of its own, for tests.

    with Emulator() as emulator:
        subprocess.run([...], env={**os.environ, **emulator.environment})
        assert len(emulator.state()["apps"]) == 2

It uses the emulator's command and its control routes, as any other program can.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from parallel_provider.emulator.control_models import (
        Decision,
        EmulatorState,
        FaultKind,
        FaultOptions,
        NewOrg,
        NewOrgState,
        NewToken,
        NewUser,
        NewUserState,
        OrgState,
        Settings,
    )

_START_SECONDS = 60
_END_SECONDS = 10


class Emulator:
    """Starts the emulator on a free port, waits until it accepts connections, and ends it.

    Its process also ends with this one, however this one ends.
    """

    _control: httpx.Client
    _command = (sys.executable, "-m", "parallel_provider.emulator")

    def __init__(self, *arguments: str) -> None:
        """Take more options of `parallel-provider emulator`, such as `--auto-approve`."""
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.access_token = ""
        self.org_id = ""
        self.pid = 0

    def __enter__(self) -> Emulator:
        """Start it and wait until it accepts connections."""
        fixed = ("--port", "0", "--ready-file", "-", "--exit-with-stdin")
        command = [*self._command, *fixed, *self._arguments]
        # Its standard input is a pipe that only this process holds open, so it ends with this
        # process. It is in a session of its own, so that Ctrl-C reaches this process alone: tests
        # may still need the emulator to clean up.
        process = self._process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            ready = _first_line(process)
        except BaseException:
            self._end()
            raise
        if not ready:
            self._end()
            raise RuntimeError("the emulator didn't start; standard error says why")
        details = json.loads(ready)
        self.url, self.access_token = details["url"], details["access_token"]
        self.org_id, self.pid = details["org_id"], details["pid"]
        # A proxy from the environment must not be used for a local address.
        self._control = httpx.Client(base_url=f"{self.url}/_emulator", trust_env=False)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *rest: object) -> None:
        """End its process."""
        self._end()
        if exc_type is not KeyboardInterrupt:  # which can leave a lock held that `close` waits for
            self._control.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point programs to it."""
        return {
            "PARALLEL_SERVICE_API_URL": self.url,
            "PARALLEL_PLATFORM_URL": self.url,
            "PARALLEL_ACCESS_TOKEN": self.access_token,
        }

    def state(self, org_id: str | None = None) -> EmulatorState:
        """Return everything about an organization (by default the first) and the requests."""
        parameters = {} if org_id is None else {"org_id": org_id}
        answer = self._control.get("/state", params=parameters)
        state: EmulatorState = answer.raise_for_status().json()
        return state

    def reset(self) -> None:
        """Go back to the state at the start. `access_token` and `org_id` stay valid."""
        self._send("POST", "/reset")

    def set_org(self, **change: Unpack[OrgState]) -> OrgState:
        """Change fields of the first organization."""
        changed: OrgState = self._send("PATCH", "/org", {**change})
        return changed

    def rename_app(self, app_id: str, app_name: str) -> None:
        """Rename an app, as a person does in the web console. The API has no such call."""
        self._send("PATCH", f"/apps/{app_id}", {"app_name": app_name})

    def add_org(self, **new: Unpack[NewOrg]) -> NewOrgState:
        """Create another organization, and an access token for it."""
        created: NewOrgState = self._send("POST", "/orgs", {**new})
        return created

    def add_user(self, **new: Unpack[NewUser]) -> NewUserState:
        """Add a user to an organization, by default a member to the first organization.

        The answer has an access token that acts for this user.
        """
        created: NewUserState = self._send("POST", "/users", {**new})
        return created

    def set_clock(self, offset_seconds: float) -> None:
        """Set how far the emulator's time is ahead of the machine's."""
        self._send("POST", "/clock", {"offset_seconds": offset_seconds})

    def set_settings(self, **change: Unpack[Settings]) -> None:
        """Change settings until the next reset."""
        self._send("PATCH", "/settings", {**change})

    def mint_token(self, **new: Unpack[NewToken]) -> str:
        """Return an access token; by default the first user's, with all scopes and no expiry."""
        return str(self._send("POST", "/tokens", {**new})["access_token"])

    def decide_sign_in(
        self,
        user_code: str,
        decision: Decision,
        *,
        org_id: str | None = None,
        user_id: str | None = None,
    ) -> None:
        """Approve or deny a sign-in, as this user would on the page."""
        body = {"decision": decision, "org_id": org_id, "user_id": user_id}
        self._send("POST", f"/sign-ins/{user_code}", _given(body))

    def add_fault(self, kind: FaultKind, **options: Unpack[FaultOptions]) -> None:
        """Make the next request go wrong, whatever it is. docs/emulator.md describes all kinds.

        The options choose the requests (`method`, `path`: a route template, `times`, `after`), and
        how they go wrong: `status`, `headers`, `body`, `seconds`, `size_bytes`. For the kind "odd",
        `replace` maps dotted paths of the answer to JSON text, and `remove` lists such paths.
        """
        self._send("POST", "/faults", _given({"kind": kind, **options}))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._send("DELETE", "/faults")

    def leaks_in(self, text: str) -> list[str]:
        """Return the kinds of secrets of this emulator that a text contains."""
        answer = self._control.post("/leaks", content=text.encode(errors="replace"))
        leaks: list[str] = answer.raise_for_status().json()["leaks"]
        return leaks

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON
        answer = self._control.request(method, path, json=body)
        if answer.is_error:
            raise ValueError(f"{method} /_emulator{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that were given."""
    return {name: value for name, value in values.items() if value is not None}


def _first_line(process: subprocess.Popen[str]) -> str:
    """Wait for the first line. Kill the process if the start takes too long."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        return process.stdout.readline()
    finally:
        timer.cancel()

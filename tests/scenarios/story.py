"""Helpers of the scenarios: declare programs, look at the server, and check messages."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from parallel_provider.emulator.control_models import AppState, KeyState
from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, plain
from tests.leaks import without_secrets

LIST_APPS = "GET /service/v1/apps"
CREATE_APP = "POST /service/v1/apps"
DELETE_APP = "DELETE /service/v1/apps/{app_id}"
CREATE_KEY = "POST /service/v1/apps/{app_id}/keys"
DELETE_KEY = "DELETE /service/v1/apps/{app_id}/keys/{api_key_id}"
GET_BALANCE = "GET /service/v1/balance"
ADD_BALANCE = "POST /service/v1/balance/add"

NO_SUCH_APP = "00000000-0000-4000-8000-000000000000"

# What tests expect in messages, written out: made by the code under test, it would prove nothing.
_CAMEL_CASE = {
    "adopt_existing": "adoptExisting",
    "amount_cents": "amountCents",
    "api_key_name": "apiKeyName",
    "app_id": "appId",
    "app_name": "appName",
    "created_at": "createdAt",
    "deliver_command": "deliverCommand",
    "existing_app_id": "existingAppId",
    "get_app": "getApp",
    "get_apps": "getApps",
    "get_balance": "getBalance",
    "keep_raw_api_key": "keepRawApiKey",
    "monthly_limit_cents": "monthlyLimitCents",
    "raw_api_key": "rawApiKey",
    "rotate_after": "rotateAfter",
    "when_below_cents": "whenBelowCents",
}
# How the SDK begins the error of a plugin's function.
_FAILED_FUNCTION = "Exception: invoke of parallel:index:"
_FIRST_LINES = "import pulumi\nimport parallel_provider as parallel\n\n"


def declare(project: Project, program: str) -> None:
    """Write these lines as the project's program, after its imports."""
    project.write(_FIRST_LINES + textwrap.dedent(program))


@contextmanager
def calls(emulator: Emulator) -> Iterator[Counter[str]]:
    """Count the requests during the block, by method and route."""
    before = Counter(emulator.state()["requests"])
    made: Counter[str] = Counter()
    yield made
    made.update(Counter(emulator.state()["requests"]) - before)


@contextmanager
def writes(emulator: Emulator) -> Iterator[list[tuple[str, str]]]:
    """List the requests during the block that change something, in order: method and path."""
    before = len(emulator.state()["log"])
    made: list[tuple[str, str]] = []
    yield made
    made.extend(
        (request["method"], request["path"])
        for request in emulator.state()["log"][before:]
        if request["method"] != "GET"
    )


def apps_named(emulator: Emulator, app_name: str) -> list[AppState]:
    """Return the server's apps of this name."""
    return [app for app in emulator.state()["apps"] if app["app_name"] == app_name]


def live_keys(emulator: Emulator) -> list[KeyState]:
    """Return the keys that work, oldest first."""
    return [key for key in emulator.state()["keys"] if key["revoked_at"] is None]


class Console:
    """Changes at the server without Pulumi, as in the web console."""

    def __init__(self, emulator: Emulator, access_token: str | None = None) -> None:
        self._http = httpx.Client(
            base_url=emulator.url,
            headers={"Authorization": f"Bearer {access_token or emulator.access_token}"},
            trust_env=False,
        )

    def create_app(self, app_name: str) -> str:
        """Create an app and return its id."""
        answer = self._http.post("/service/v1/apps", json={"app_name": app_name})
        return str(answer.raise_for_status().json()["app_id"])

    def delete_app(self, app_id: str) -> None:
        """Delete an app."""
        self._http.delete(f"/service/v1/apps/{app_id}").raise_for_status()

    def create_key(self, app_id: str, api_key_name: str) -> dict[str, Any]:
        """Create a key. The answer has its id and the raw key."""
        answer = self._http.post(
            f"/service/v1/apps/{app_id}/keys", json={"api_key_name": api_key_name}
        )
        created: dict[str, Any] = answer.raise_for_status().json()
        return created

    def delete_key(self, app_id: str, api_key_id: str) -> None:
        """Revoke a key."""
        self._http.delete(f"/service/v1/apps/{app_id}/keys/{api_key_id}").raise_for_status()


def raw_keys(project: Project) -> list[str]:
    """Return every raw key in the state."""
    keys = [resource for resource in project.resources() if resource["custom"]]
    found = [key.get("outputs", {}).get("raw_api_key") for key in keys]
    return [plain(raw) for raw in found if raw is not None]


def stored_text(project: Project) -> str:
    """Return the stored state as text, without the encrypted secrets."""
    return json.dumps(without_secrets(project.resources()))


def assert_fails(
    project: Project, operation: str, *says: str, resource: str | None, **options: object
) -> str:
    """Run an operation that must fail as `assert_refused` says. Return what the user sees."""
    text = project.fails(operation, **options)
    assert_refused(project, text, *says, resource=resource)
    return text


def assert_refused(project: Project, text: str, *says: str, resource: str | None) -> None:
    """Assert that the error of a failure is one line.

    The line names the resource, or is under the resource's heading. It contains each text of
    `says`: the reason and what to do. With the native plugin, names in them are in camelCase. The
    output has no traceback of ours and no secret.
    """
    said = _errors(text)
    expected = in_words_of(project, *says)
    fitting = [
        (heading, line) for heading, line in said if all(words in line for words in expected)
    ]
    assert fitting, f"no line says {expected}: {said or text}"
    if resource is not None:
        assert any(heading == resource or f"'{resource}'" in line for heading, line in fitting), (
            f"no line names {resource!r}: {fitting}"
        )
    assert_no_traceback_of_ours(text)
    assert_no_secret(project, text)


def in_words_of(project: Project, *texts: str) -> list[str]:
    """Return texts of the dynamic provider as the project's provider says them."""
    if project.provider == "dynamic":
        return [*texts]
    for name, in_camel_case in _CAMEL_CASE.items():
        texts = tuple(re.sub(rf"\b{name}\b", in_camel_case, text) for text in texts)
    return [*texts]


def assert_no_traceback_of_ours(text: str) -> None:
    """Assert that every traceback is of the engine's launcher or of the SDK.

    The launcher's is from interrupting the program. The SDK's is from a function of a plugin.
    """
    lines = iter(_diagnostics(text).splitlines())
    for line in lines:
        if not line.strip().startswith("Traceback"):
            continue
        indent = len(line) - len(line.lstrip())
        last = next((after for after in lines if _indent(after) <= indent), "")
        assert last.strip().startswith(("KeyboardInterrupt", _FAILED_FUNCTION)), (
            f"a traceback ends in {last!r}:\n{text}"
        )


def assert_no_secret(project: Project, text: str) -> None:
    """Assert that a text has no token of the environment and no raw key of the state."""
    tokens = [value for name, value in project.env.items() if name.endswith("TOKEN")]
    for secret in filter(str.strip, (*tokens, *raw_keys(project))):
        assert secret not in text


def warnings(text: str) -> list[str]:
    """Return the warnings of an operation."""
    found = re.findall(r"^\s*warning: (.*)$", _diagnostics(text), flags=re.MULTILINE)
    return [str(warning) for warning in found]


def _diagnostics(text: str) -> str:
    _, _, diagnostics = text.partition("Diagnostics:\n")
    return diagnostics


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 0


def _errors(text: str) -> list[tuple[str, str]]:
    """Return each error of the diagnostics, with the name of its resource."""
    heading, found = "", []
    for line in _diagnostics(text).splitlines():
        named = re.fullmatch(r"  \S+ \((?P<name>.*)\):", line)
        if named:
            heading = named["name"]
        elif line.strip().startswith("error: "):
            found.append((heading, line.strip().removeprefix("error: ")))
        elif line.strip().startswith(_FAILED_FUNCTION):
            found.append((heading, line.strip()))
    return found

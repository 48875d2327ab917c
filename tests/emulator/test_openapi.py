"""The emulator against the API's OpenAPI file: its own description, and its answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from parallel_provider.emulator.server import create_app
from parallel_provider.testing.emulator import Emulator
from tests.openapi_document import completed, described

Case = schemathesis.Case[Any]

_FEW_AND_ALWAYS_THE_SAME = settings(
    max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


SCHEMA = schemathesis.openapi.from_dict(completed())
VALID_ONLY = schemathesis.openapi.from_dict(
    completed(), config=SchemathesisConfig.from_dict({"generation": {"mode": "positive"}})
)


def _without_texts(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return it without the texts for people."""
    if isinstance(value, dict):
        return {
            name: _without_texts(part)
            for name, part in value.items()
            if name not in {"description", "summary", "servers"}
        }
    return value


def test_emulator_describes_itself_as_the_api_does() -> None:
    """Operations, parameters, bodies, answers and schemas are equal."""
    ours, theirs = create_app().openapi(), described()
    theirs.pop("tags")
    for name in ("input", "ctx"):
        # Newer versions of FastAPI describe these, but the emulator sends neither.
        ours["components"]["schemas"]["ValidationError"]["properties"].pop(name, None)
    assert _without_texts(ours) == _without_texts(theirs)


@SCHEMA.parametrize()
@_FEW_AND_ALWAYS_THE_SAME
def test_any_request_is_answered_as_described(case: Case, emulator_process: Emulator) -> None:
    """Status and body are in the description, whatever is sent."""
    _send(case, emulator_process)


@VALID_ONLY.include(path_regex=r"\{app_id\}").parametrize()
@_FEW_AND_ALWAYS_THE_SAME
def test_valid_request_about_an_app_that_exists_is_answered_as_described(
    case: Case, emulator_process: Emulator
) -> None:
    """The same for requests about an app that exists."""
    headers = {"Authorization": f"Bearer {emulator_process.access_token}"}
    created = httpx.post(
        f"{emulator_process.url}/service/v1/apps", json={"app_name": "search"}, headers=headers
    )
    case.path_parameters = {**case.path_parameters, **created.json()}
    _send(case, emulator_process)


def _send(case: Case, emulator: Emulator) -> None:
    headers = {"Authorization": f"Bearer {emulator.access_token}"}
    case.call_and_validate(base_url=emulator.url, headers=headers)


def test_refusals_are_json_with_a_reason(http: httpx.Client) -> None:
    """Other refusals have the same shape."""
    for answer in (http.get("/nothing"), http.put("/service/v1/apps")):
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_is_refused(http: httpx.Client, body: bytes) -> None:
    """A broken body is a client error, not a server error."""
    headers = {"Content-Type": "application/json"}
    answer = http.post("/service/v1/apps", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert "detail" in answer.json()

"""The check of the emulator's answers to the tests: what it finds, and what it leaves out."""

from __future__ import annotations

import asyncio
from typing import get_args

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from parallel_provider.emulator.control_models import FaultKind
from parallel_provider.emulator.server import create_app
from parallel_provider.testing.emulator import Emulator
from tests.checked_emulator import SPOILED, CheckAnswers, CheckedEmulator, Checker, Report

APPS = "/service/v1/apps"
APP = {"app_id": "1", "app_name": "search", "org_id": "o", "org_name": "O"}


def report_on(status: int, body: object, path: str = APPS) -> Report:
    """Return what the check says of this answer of an API."""
    checker = Checker()

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse(body, status)(scope, receive, send)

    async def ask() -> None:
        checked = CheckAnswers(api, create_app().state.emulator, checker)
        transport = httpx.ASGITransport(checked)
        async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
            await client.get(path)

    asyncio.run(ask())
    return checker.take()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, {"apps": [{**APP, "org_name": None}]}, "apps.0.org_name breaks type"),
        (200, {"apps": [APP, {"app_id": "1"}]}, "apps.1 breaks required"),
        (200, {}, "the body breaks required"),
        (200, [], "the body breaks type"),
        (201, {"apps": []}, "ResponseNotFound"),
        (500, {"detail": "no"}, "ResponseNotFound"),
        (403, {"error": "no"}, "the body breaks required"),
    ],
)
def test_answer_that_is_not_as_described_is_found(status: int, body: object, says: str) -> None:
    """The field and the rule are named, and the answer isn't shown: it may hold a raw key."""
    report = report_on(status, body)

    assert report["checked"] == 1
    assert len(report["wrong"]) == 1
    assert says in report["wrong"][0]
    assert "search" not in report["wrong"][0]


def test_tests_use_the_checked_emulator(emulator: Emulator, http: httpx.Client) -> None:
    """Each answer is checked once, also a refusal, and one that was only held back."""
    assert isinstance(emulator, CheckedEmulator)
    emulator.assert_documented()
    emulator.add_fault("delay", seconds=0)
    for _ in range(2):
        assert http.get(APPS).is_success
    assert http.get(APPS, headers={"Authorization": "none"}).status_code == 401
    assert http.post(APPS, json={}).status_code == 422

    assert emulator.assert_documented() == 4


def test_answer_that_a_fault_spoils_is_left_out(emulator: Emulator, http: httpx.Client) -> None:
    """Nothing is wrong with the emulator then. Only `delay` spoils nothing."""
    assert isinstance(emulator, CheckedEmulator)
    assert set(get_args(FaultKind)) - SPOILED == {"delay"}
    emulator.assert_documented()
    emulator.add_fault("odd", replace={"apps": "1"})
    emulator.add_fault("status", status=418)
    for status in (200, 418, 200):
        assert http.get(APPS).status_code == status

    assert emulator.assert_documented() == 1

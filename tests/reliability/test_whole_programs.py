"""Some cases of the matrix as whole programs: with processes, real pauses and both engines."""

from __future__ import annotations

import re

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, plain
from tests.reliability.document import DOCUMENT, parse
from tests.reliability.matrix import ADD_BALANCE, APPS
from tests.scenarios.story import apps_named, declare

_ALWAYS = 999
_VARIABLE = re.compile(r"REASON|IDEMPOTENCY_KEY|ORG_ID|HOST|TIME|\bID\b")


@pytest.fixture(autouse=True)
def _impatient(project: Project) -> None:
    """Limit a call to two seconds, so that giving up doesn't take two minutes."""
    project.env["PARALLEL_TIMEOUT_SECONDS"] = "2"


def assert_says_as_documented(text: str, operation: str, fault: str) -> None:
    """Assert that a run printed the document's text for a fault in every answer."""
    user, *_ = parse(DOCUMENT.read_text())[operation, fault, "always"]
    words = ".*".join(map(re.escape, _VARIABLE.split(user.removeprefix("fails: "))))
    assert re.search(words, text), (words, text)


def test_hanging_server_ends_in_time_and_names_both_apps(
    project: Project, emulator: Emulator
) -> None:
    """The app is created, the answer never arrives, and the app is created once more."""
    emulator.add_fault("hang", method="POST", path=APPS)
    declare(project, 'parallel.App("search")')

    text = project.up().stdout

    lost, kept = [app["app_id"] for app in apps_named(emulator, "search")]
    assert project.resource("search")["id"] == kept
    assert f"The one that counts is {kept}. New under that name: {lost}." in text


def test_charge_whose_answers_are_all_lost_is_made_once(
    project: Project, emulator: Emulator
) -> None:
    """The error has the key. The next run repeats the charge, which the server recognises."""
    project.config("parallel:maxTopUpCents", "500")
    declare(project, 'parallel.BalanceTopUp("credit", amount_cents=500)')
    emulator.add_fault("truncate", method="POST", path=ADD_BALANCE, times=_ALWAYS)

    text = project.fails("up")
    assert_says_as_documented(text, "Top up once: the charge", "truncated after")
    emulator.clear_faults()
    project.up()

    [charge] = emulator.state()["charges"]
    outputs = project.resource("credit")["outputs"]
    assert charge["idempotency_key"] == plain(outputs["last_idempotency_key"])
    assert charge["idempotency_key"] in text
    assert outputs["total_charged_cents"] == 500

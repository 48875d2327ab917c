"""Values to which Pulumi gives a meaning of its own, in the API's answers and in programs."""

from __future__ import annotations

import json

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    ADD_BALANCE,
    Console,
    assert_fails,
    assert_no_traceback_of_ours,
    assert_refused,
    calls,
    declare,
    live_keys,
)

APPS = "/service/v1/apps"
KEYS = f"{APPS}/{{app_id}}/keys"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_NUMBER = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"
TAG = "a <{%nosuchcolour%}> b"
PROGRAM = """
app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
"""


@pytest.mark.parametrize("mark", [UNKNOWN, UNKNOWN_NUMBER, TAG])
def test_name_that_is_a_mark_stops_nobody(project: Project, emulator: Emulator, mark: str) -> None:
    """It is left out, or stays as it was. A colleague may have chosen it."""
    Console(emulator).create_app(mark)
    emulator.set_org(org_name=mark)
    quoted = json.dumps(mark)
    odd = {"display_value": quoted, "created_by_user_email": quoted}
    emulator.add_fault("odd", method="POST", path=KEYS, replace=odd)
    declare(project, PROGRAM + 'pulumi.export("apps", len(parallel.get_apps().apps))')

    project.up()

    app, key = project.resource("search")["outputs"], project.resource("ci")["outputs"]
    assert (app["app_name"], app["org_name"]) == ("search", "")
    assert (key["display_value"], key["created_by_user_email"]) == ("", "")
    assert key["api_key_id"] == live_keys(emulator)[0]["api_key_id"]
    renamed = {f"apps.{index}.app_name": quoted for index in range(3)}
    emulator.add_fault("odd", method="GET", path=APPS, replace=renamed, times=50)
    assert changes(project.refresh()) == {"same": 3}
    assert project.resource("search")["outputs"]["app_name"] == "search"
    assert project.resource("ci")["outputs"]["app_name"] == "search"
    assert changes(project.up()) == {"same": 3}


@pytest.mark.parametrize("kind", ["App", "BalanceTopUp"])
def test_organization_whose_id_is_a_mark_is_refused_before_anything_is_done(
    project: Project, emulator: Emulator, kind: str
) -> None:
    """Neither an app is created nor a card charged, as the state couldn't keep it."""
    emulator.set_org(org_id=UNKNOWN)
    project.config("parallel:maxTopUpCents", "500")
    declare(project, f'parallel.{kind}("it"' + (", amount_cents=500)" if kind != "App" else ")"))

    with calls(emulator) as made:
        text = project.fails("up")

    assert_refused(project, text, "org_id", "a mark of its own", resource="it")
    assert made["POST /service/v1/apps"] == made[ADD_BALANCE] == 0


@pytest.mark.parametrize("mark", [UNKNOWN, TAG])
def test_raw_key_that_is_a_mark_is_revoked_again(
    project: Project, emulator: Emulator, mark: str
) -> None:
    """The state couldn't keep it, so nobody would have it."""
    odd = {"raw_api_key": json.dumps(mark)}
    emulator.add_fault("odd", method="POST", path=KEYS, replace=odd)
    declare(project, PROGRAM)

    says = ("be kept in the state: raw_api_key holds", "It was revoked again")
    assert_fails(project, "up", *says, resource="ci")
    assert live_keys(emulator) == []


@pytest.mark.parametrize("mark", [TAG, UNKNOWN, UNKNOWN_NUMBER])
@pytest.mark.parametrize("value", ['"{}"', 'pulumi.Output.from_input("{}")'])
def test_input_that_is_a_mark_creates_nothing(
    project: Project, emulator: Emulator, mark: str, value: str
) -> None:
    """In the program where the text is known there, otherwise in the check or the creation."""
    declare(project, f'parallel.App("search", app_name={value.format(mark)})')

    with calls(emulator) as made:
        text = project.fails("up")

    assert "app_name" in text or "appName" in text
    assert_no_traceback_of_ours(text)
    assert made["POST /service/v1/apps"] == 0

"""During a run, the token is renewed to another organization's: nothing changes there."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from parallel_provider.emulator.control_models import NewOrgState
from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import (
    ADD_BALANCE,
    DELETE_APP,
    DELETE_KEY,
    assert_refused,
    calls,
    declare,
)

APP = 'app = parallel.App("search")'
APP_AND_KEY = f"""
{APP}
key = parallel.ApiKey("ci", app_id=app.app_id)
"""
CREDIT = 'credit = parallel.BalanceTopUp("credit", amount_cents=2000)'

# Each provider process gets the first token first, and after that always the second one.
COMMAND = """
import os, pathlib, sys
asked = pathlib.Path(sys.argv[1], str(os.getppid()))
print(pathlib.Path(sys.argv[1], "second" if asked.exists() else "first").read_text())
asked.touch()
"""


@pytest.fixture
def other(project: Project, emulator: Emulator, tmp_path: Path) -> NewOrgState:
    """Set a command that returns this organization's token second, and return the organization."""
    organization = emulator.add_org()
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    (tokens / "first").write_text(emulator.access_token)
    (tokens / "second").write_text(organization["access_token"])
    del project.env["PARALLEL_ACCESS_TOKEN"]
    project.env["PARALLEL_TOKEN_COMMAND"] = shlex.join([sys.executable, "-c", COMMAND, str(tokens)])
    return organization


def assert_untouched(emulator: Emulator, other: NewOrgState) -> None:
    """Assert that nothing was created, deleted or charged in the other organization."""
    state = emulator.state(other["org_id"])
    assert [app["app_name"] for app in state["apps"]] == ["parallel-cli Users"]
    assert (state["keys"], state["charges"]) == ([], [])


def refuse_token_once(emulator: Emulator, request: str) -> None:
    """Make the server refuse the token of the next such request, so that it is renewed."""
    method, path = request.split()
    emulator.add_fault("status", method=method, path=path, status=401)


@pytest.mark.parametrize("guarded", [True, False])
def test_charge_is_not_sent_with_another_organizations_token(
    project: Project, emulator: Emulator, other: NewOrgState, *, guarded: bool
) -> None:
    """Only the organization of the guard, or of the start of the run, is charged."""
    if guarded:
        project.config("parallel:orgId", emulator.org_id)
    project.config("parallel:maxTopUpCents", "2000")
    declare(project, CREDIT)
    refuse_token_once(emulator, ADD_BALANCE)

    with calls(emulator) as made:
        text = project.fails("up")

    assert_refused(project, text, other["org_id"], emulator.org_id, resource="credit")
    assert made[ADD_BALANCE] == 1
    assert_untouched(emulator, other)
    assert emulator.state()["charges"] == []


@pytest.mark.parametrize("request_", [DELETE_KEY, DELETE_APP])
def test_deletion_is_not_sent_with_another_organizations_token(
    project: Project, emulator: Emulator, other: NewOrgState, request_: str
) -> None:
    """With the guard, no deletion is sent. What wasn't deleted stays in the state."""
    project.config("parallel:orgId", emulator.org_id)
    declare(project, APP_AND_KEY)
    project.up()
    refuse_token_once(emulator, request_)

    with calls(emulator) as made:
        text = project.fails("destroy")

    resource = "ci" if request_ == DELETE_KEY else "search"
    assert_refused(project, text, other["org_id"], emulator.org_id, resource=resource)
    assert made[request_] == 1
    assert_untouched(emulator, other)
    assert project.resource("search")["id"] in [app["app_id"] for app in emulator.state()["apps"]]

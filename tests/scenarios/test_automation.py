"""Automation API: several runs of several stacks in one process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
from pulumi import automation

import parallel_provider as parallel
from parallel_provider.testing.emulator import Emulator
from tests.scenarios.story import GET_BALANCE, LIST_APPS, Console, calls

pytestmark = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="pulumi is not on PATH, so these scenarios ran on the embedded stack alone",
)


@pytest.fixture
def open_stack(
    tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[[], None]], automation.Stack]:
    """Return a function that makes a stack of an inline program."""
    monkeypatch.setenv("PARALLEL_SERVICE_API_URL", emulator.url)
    monkeypatch.delenv("PARALLEL_ORG_ID", raising=False)
    monkeypatch.setenv("PARALLEL_AUTH_FILE", str(tmp_path / "auth.json"))
    (tmp_path / "backend").mkdir()
    variables = {
        "PULUMI_BACKEND_URL": (tmp_path / "backend").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def make(name: str, program: Callable[[], None]) -> automation.Stack:
        return automation.create_stack(
            name,
            project_name="automated",
            program=program,
            opts=automation.LocalWorkspaceOptions(env_vars=variables),
        )

    return make


def sign_in(stack: automation.Stack, token: str, org_id: str) -> None:
    """Configure a stack for an organization."""
    stack.set_config("parallel:accessToken", automation.ConfigValue(token, secret=True))
    stack.set_config("parallel:orgId", automation.ConfigValue(org_id))


def test_two_stacks_of_a_process_have_their_own_organizations(
    open_stack: Callable[[str, Callable[[], None]], automation.Stack], emulator: Emulator
) -> None:
    """Each data source uses its stack's settings, in turn and at the same time."""
    other = emulator.add_org()["org_id"]
    meeting = threading.Barrier(2)
    meet = threading.Event()

    def program() -> None:
        if meet.is_set():
            meeting.wait(60)
        pulumi.export("now", parallel.get_balance().org_id)
        pulumi.export("output", parallel.get_apps_output().apps[0].org_id)

    stacks = {org_id: open_stack(org_id, program) for org_id in (emulator.org_id, other)}
    for org_id, stack in stacks.items():
        sign_in(stack, emulator.mint_token(org_id=org_id), org_id)

    def organizations(result: automation.UpResult) -> set[str]:
        return {str(output.value) for output in result.outputs.values()}

    for org_id, stack in stacks.items():
        assert organizations(stack.up()) == {org_id}

    meet.set()
    results: dict[str, automation.UpResult] = {}
    threads = [
        threading.Thread(target=lambda i=i, s=s: results.update({i: s.up()}))
        for i, s in stacks.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {org_id: organizations(result) for org_id, result in results.items()} == {
        org_id: {org_id} for org_id in stacks
    }


def test_each_run_of_a_process_has_a_list_of_its_own(
    open_stack: Callable[[str, Callable[[], None]], automation.Stack], emulator: Emulator
) -> None:
    """A run finds apps created since the last run, and each run makes one list request."""

    def program() -> None:
        pulumi.export("count", len(parallel.get_apps().apps))
        pulumi.export("again", parallel.get_apps_output().apply(lambda found: len(found.apps)))

    stack = open_stack("test", program)
    sign_in(stack, emulator.access_token, emulator.org_id)

    for count in (1, 2, 3):
        with calls(emulator) as made:
            outputs = stack.up().outputs
        assert {name: output.value for name, output in outputs.items()} == {
            "count": count,
            "again": count,
        }
        assert made == {LIST_APPS: 1, GET_BALANCE: 1}
        Console(emulator).create_app(f"app-{count}")

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
from tests.real_pulumi import pulumi_environment

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
    variables = pulumi_environment(tmp_path)

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

"""Ctrl-C: the first one waits for running requests and stores the results, the second one doesn't.

Pulumi asks its providers to cancel, but the SDK's dynamic provider ignores that. So a running
request ends with its answer or with its time limit.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.real_pulumi import needs_pulumi
from tests.reliability.matrix import APPS
from tests.reliability.processes import Watch, signalled
from tests.scenarios.story import apps_named, declare, live_keys

pytestmark = [
    needs_pulumi,
    pytest.mark.parametrize("engine", ["pulumi"], indirect=True),
]

_PROGRAM = """
first = parallel.App("first")
second = parallel.App("second", opts=pulumi.ResourceOptions(depends_on=[first]))
parallel.ApiKey("ci", app_id=second.app_id)
"""


@pytest.fixture
def hanging(project: Project, emulator: Emulator) -> Project:
    """Return a project whose second app is created, but whose answer never arrives."""
    project.env["PARALLEL_TIMEOUT_SECONDS"] = "8"
    declare(project, _PROGRAM)
    emulator.add_fault("hang", method="POST", path=APPS, after=1)
    return project


def interrupt(project: Project, emulator: Emulator, *, times: int) -> float:
    """Run the program and interrupt it at the second app. Return the seconds until it ended."""
    began = 0.0

    def listen(line: str, watch: Watch) -> None:
        nonlocal began
        if "^C received; cancelling" in line:
            began = time.monotonic()
            if times > 1:
                os.kill(watch.hit[0], signal.SIGINT)

    with (
        signalled(emulator, "engine", f"POST {APPS}", 2, signal.SIGINT) as watch,
        pytest.raises(CommandError) as ended,
    ):
        project.up(on_output=lambda line: listen(line, watch))
    project.said.append(str(ended.value))
    assert began
    return time.monotonic() - began


def test_interrupt_keeps_all_that_was_done(hanging: Project, emulator: Emulator) -> None:
    """It ends at the time limit of the one request. The next run creates what is missing."""
    seconds = interrupt(hanging, emulator, times=1)

    # One attempt gets half of the eight seconds. Then the app is created once more.
    assert seconds < 8
    lost, kept = [app["app_id"] for app in apps_named(emulator, "second")]
    assert hanging.resource("second")["id"] == kept
    assert lost in "\n".join(hanging.said)
    assert live_keys(emulator) == []
    assert not hanging.stack.export_stack().deployment.get("pending_operations")

    hanging.up()
    assert len(apps_named(emulator, "first")) == 1
    assert len(apps_named(emulator, "second")) == 2
    assert hanging.resource("ci")["id"] == live_keys(emulator)[0]["api_key_id"]


def test_second_interrupt_leaves_a_pending_operation(hanging: Project, emulator: Emulator) -> None:
    """Pulumi records the operation that it didn't wait for, and its next run names the resource."""
    interrupt(hanging, emulator, times=2)

    [pending] = hanging.stack.export_stack().deployment["pending_operations"]
    assert pending["type"] == "creating"
    assert pending["resource"]["urn"].endswith("::second")
    completed = hanging.up()
    assert "interrupted while creating" in completed.stdout
    made = [app["app_id"] for app in apps_named(emulator, "second")]
    # The provider still runs and may send the request again before it is ended.
    assert 2 <= len(made) <= 3
    assert hanging.resource("second")["id"] in made

"""Killed while a new resource adopts the app of an old one: the app and its key stay."""

from __future__ import annotations

import sys

import pytest
from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.reliability.matrix import KEYS
from tests.reliability.processes import signalled
from tests.scenarios.story import apps_named, declare, live_keys

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

_PROGRAM = """
app = parallel.App("{name}", app_name="prod", adopt_existing={adopts})
parallel.ApiKey("ci", app_id=app.app_id)
"""


def test_provider_killed_between_takeover_and_deletion_loses_no_app(
    project: Project, emulator: Emulator
) -> None:
    """The state has the app twice. The next run removes one of them, and the app stays."""
    declare(project, _PROGRAM.format(name="search", adopts=False))
    project.up()
    [app] = apps_named(emulator, "prod")
    prod = app["app_id"]
    key = project.resource("ci")["id"]

    # By then, the new resource has the app, and the old one isn't deleted yet.
    adopting = _PROGRAM.format(name="find", adopts=True)
    declare(project, adopting + 'parallel.ApiKey("new", app_id=app.app_id)\n')
    emulator.add_fault("delay", method="POST", path=KEYS, seconds=1.0)
    with signalled(emulator, "provider", f"POST {KEYS}", 2) as watch, pytest.raises(CommandError):
        project.up()
    assert watch.hit, "nothing was killed"
    emulator.clear_faults()
    held = [r["id"] for r in project.resources() if "dynamic/parallel:App" in r["type"]]
    assert held == [prod, prod]

    completed = project.up()

    assert f"App {prod} ('prod') isn't deleted at the server" in completed.stdout
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]
    assert {key, project.resource("new")["id"]} <= {k["api_key_id"] for k in live_keys(emulator)}
    assert set(changes(project.up())) == {"same"}
    project.destroy()
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]

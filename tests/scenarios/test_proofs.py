"""Nothing counts as deleted because of an answer that isn't the Account API's own."""

from __future__ import annotations

from typing import Any

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    apps_named,
    assert_fails,
    assert_refused,
    declare,
    live_keys,
    warnings,
)

APPS = "/service/v1/apps"
APP = f"{APPS}/{{app_id}}"
KEY = f"{APP}/keys/{{api_key_id}}"
PROGRAM = """
app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
"""
PAGE = "<html><body>Not here</body></html>"


def test_part_of_a_list_drops_nothing_and_makes_no_second_app(
    project: Project, emulator: Emulator
) -> None:
    """A refresh with a first page keeps app and key, and an adoption doesn't create another."""
    declare(project, PROGRAM)
    project.up()
    other = {
        "app_id": emulator.state()["apps"][0]["app_id"],
        "app_name": "other",
        "org_id": emulator.org_id,
        "org_name": "Example Organization",
    }
    page = {"apps": [other], "has_more": True}
    emulator.add_fault("garbage", method="GET", path=APPS, body=page, times=50)

    refreshed = project.refresh()

    assert changes(refreshed) == {"same": 3}
    [warning] = warnings(refreshed.stdout)
    assert "may lack apps" in warning
    declare(project, PROGRAM + 'parallel.App("more", app_name="search", adopt_existing=True)')
    assert_refused(project, project.fails("up"), "may lack apps: run again", resource="more")
    assert len(apps_named(emulator, "search")) == 1


@pytest.mark.parametrize("body", [PAGE, {"message": "no Route matched with those values"}])
def test_gateways_404_is_no_revocation(
    project: Project, emulator: Emulator, body: dict[str, Any] | str
) -> None:
    """The key lives and stays in the state; the error says who seems to answer."""
    declare(project, PROGRAM)
    project.up()
    emulator.add_fault("status", method="DELETE", path=KEY, status=404, body=body, times=50)
    declare(project, 'app = parallel.App("search")')

    text = project.fails("up")

    says = ("404", "a proxy or gateway seems to answer")
    assert_refused(project, text, *says, resource="ci")
    [key] = live_keys(emulator)
    assert project.resource("ci")["id"] == key["api_key_id"]
    emulator.clear_faults()
    project.up()
    assert live_keys(emulator) == []


def test_page_with_200_is_no_deletion(project: Project, emulator: Emulator) -> None:
    """Both stay in the state until the API itself has said that they are deleted."""
    declare(project, PROGRAM)
    project.up()
    for path in (APP, KEY):
        emulator.add_fault("status", method="DELETE", path=path, status=200, body=PAGE, times=50)
    # Otherwise, giving up takes nine seconds.
    project.env["PARALLEL_TIMEOUT_SECONDS"] = "2"

    assert_fails(project, "destroy", "HTML page", "isn't certain that it was done", resource="ci")
    assert len(live_keys(emulator)) == len(apps_named(emulator, "search")) == 1
    assert project.resource("ci")["id"] == live_keys(emulator)[0]["api_key_id"]
    emulator.clear_faults()
    project.destroy()
    assert not live_keys(emulator)
    assert not apps_named(emulator, "search")


def test_functions_say_that_apps_may_be_missing(project: Project, emulator: Emulator) -> None:
    """What there is can be read; what isn't there can't be told."""
    page = {"apps": [], "has_more": True}
    emulator.add_fault("garbage", method="GET", path=APPS, body=page, times=50)
    declare(project, 'pulumi.export("count", len(parallel.get_apps().apps))')

    done = project.up()

    assert done.outputs["count"].value == 0
    assert any("may lack apps" in warning for warning in warnings(done.stdout))
    declare(project, 'parallel.get_app(app_name="search")')
    assert "may lack apps: run again later" in project.fails("preview")

"""`parallel-provider apps`."""

from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn


def test_apps_are_listed_with_their_ids(run: Run, signed_in: SignIn) -> None:
    """A new organization has one app."""
    (app,) = signed_in.emulator.state()["apps"]
    result = run("apps")
    assert result.returncode == 0
    heading, line = result.stdout.splitlines()
    assert heading.split() == ["NAME", "ID", "ORGANIZATION"]
    assert line.startswith("parallel-cli Users")
    assert app["app_id"] in line


def test_apps_as_json_have_the_apis_fields(run: Run, signed_in: SignIn) -> None:
    """Programs get what the API says."""
    (app,) = json.loads(run("apps", "--json").stdout)
    assert app == {
        "app_id": signed_in.emulator.state()["apps"][0]["app_id"],
        "app_name": "parallel-cli Users",
        "org_id": signed_in.emulator.org_id,
        "org_name": "Example Organization",
    }


def test_list_that_may_lack_apps_is_shown_with_a_warning(run: Run, signed_in: SignIn) -> None:
    """It says that there is more, so nobody should take it for all apps."""
    signed_in.emulator.add_fault(
        "garbage", method="GET", path="/service/v1/apps", body={"apps": [], "has_more": True}
    )

    result = run("apps", "--json")

    assert (result.returncode, json.loads(result.stdout)) == (0, [])
    assert "Warning: the list may lack apps" in result.stderr

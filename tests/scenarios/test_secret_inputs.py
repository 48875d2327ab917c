"""A secret that is used for the wrong input is never printed."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import (
    CREATE_APP,
    NO_SUCH_APP,
    Console,
    assert_fails,
    assert_no_traceback_of_ours,
    assert_refused,
    declare,
    warnings,
)

HUSH = "hush-hush-hush"

# One input of each type, as the type has the text of the problem.
WRONG = {
    "app_id": 'parallel.ApiKey("a", app_id=hush)',
    "api_key_name": f'parallel.ApiKey("a", app_id="{NO_SUCH_APP}", api_key_name=bell)',
    "keep_raw_api_key": f'parallel.ApiKey("a", app_id="{NO_SUCH_APP}", keep_raw_api_key=hush)',
    "deliver_command": f'parallel.ApiKey("a", app_id="{NO_SUCH_APP}", deliver_command=hush)',
    "rotate_after": f'parallel.RotatingApiKey("a", app_id="{NO_SUCH_APP}", rotate_after=hush)',
    "overlap": (
        f'parallel.RotatingApiKey("a", app_id="{NO_SUCH_APP}", rotate_after="2d", overlap=hush)'
    ),
    "amount_cents": 'parallel.BalanceTopUp("a", amount_cents=hush)',
}


@pytest.mark.parametrize("name", WRONG)
def test_secret_that_fails_its_check_is_not_printed(
    project: Project, emulator: Emulator, name: str
) -> None:
    """The line has the resource, the input and the reason, but no value."""
    declare(
        project,
        f"""
        hush = pulumi.Output.secret("{HUSH}")
        bell = pulumi.Output.secret("{HUSH}\\a")
        {WRONG[name]}
        """,
    )

    text = assert_fails(project, "preview", f"has a problem: {name} ", resource="a")
    assert HUSH not in text
    assert emulator.state()["requests"] == {}


def test_secret_name_is_shown_in_no_message(project: Project, emulator: Emulator) -> None:
    """Errors and warnings use the resource's own name, in this run and in later ones."""
    Console(emulator).create_app(HUSH)
    app = f'parallel.App("a", app_name=pulumi.Output.secret("{HUSH}"))'
    declare(project, app)
    emulator.add_fault(
        "status", method="POST", path="/service/v1/apps", status=422, body={"detail": f"no {HUSH}"}
    )
    text = assert_fails(project, "up", "creating App 'a'", "(no ********)", resource="a")
    assert HUSH not in text

    key = 'parallel.ApiKey("k", app_id=a.app_id, api_key_name=pulumi.Output.secret("hush-key"))'
    declare(project, f"a = {app}\n{key}")
    emulator.add_fault("drop_after", method="POST", path="/service/v1/apps/{app_id}/keys")
    created = project.up()
    assert any("the key '********' of app" in warning for warning in warnings(created.stdout))
    assert HUSH not in created.stdout
    assert "hush-key" not in created.stdout
    project.env["PARALLEL_ACCESS_TOKEN"] = emulator.mint_token(scopes=["apps:read"])
    emulator.add_fault("status", method="GET", path="/service/v1/apps", status=403)
    for operation in ("refresh", "destroy"):
        text = project.fails(operation)
        assert_no_traceback_of_ours(text)
        assert HUSH not in text
        assert "hush-key" not in text
        assert "ApiKey 'k'" in text


def test_name_that_is_no_secret_is_shown(project: Project, emulator: Emulator) -> None:
    """A name that comes from another resource is shown too."""
    emulator.add_fault("status", method="POST", path="/service/v1/apps", status=422)
    declare(project, 'parallel.App("a", app_name=pulumi.Output.from_input("search"))')

    text = project.fails("up")

    # The plugin uses the resource's name.
    name = "search" if project.provider == "dynamic" else "a"
    assert_refused(project, text, f"creating App '{name}'", resource="a")


def test_one_cause_is_told_once(project: Project, emulator: Emulator) -> None:
    """For each further resource with the same cause, a short line names the first one."""
    project.env["PARALLEL_ACCESS_TOKEN"] = emulator.mint_token(lifetime_seconds=60)
    declare(project, 'for n in range(12): parallel.App(f"app-{n}")')
    project.up()
    emulator.set_clock(61)

    for operation in ("refresh", "destroy"):
        text = project.fails(operation)
        diagnostics = text.partition("Diagnostics:")[2]
        assert_refused(project, text, "401", "has expired", resource=None)
        assert diagnostics.count("has expired") == 1
        assert diagnostics.count("the same cause as for App 'app-") >= 1
        assert_no_traceback_of_ours(text)
    assert CREATE_APP in emulator.state()["requests"]

"""get_balance, get_apps, get_app: their results and their errors."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    GET_BALANCE,
    LIST_APPS,
    NO_SUCH_APP,
    Console,
    assert_fails,
    assert_refused,
    calls,
    declare,
)


def test_data_sources_tell_what_the_server_has(project: Project, emulator: Emulator) -> None:
    """They work as values and as outputs, also in preview. All reads of apps share one list."""
    emulator.set_org(credit_balance_cents=1234.5, pending_debit_balance_cents=3)
    app_id = Console(emulator).create_app("search")
    declare(
        project,
        f"""
        pulumi.export("balance", vars(parallel.get_balance()))
        pulumi.export("cents", parallel.get_balance_output().credit_balance_cents)
        pulumi.export("apps", [app.app_name for app in parallel.get_apps().apps])
        pulumi.export("first", parallel.get_apps_output().apps[0].app_name)
        pulumi.export("by_name", vars(parallel.get_app(app_name="search")))
        by_id = parallel.get_app_output(app_id=pulumi.Output.from_input("{app_id.upper()}"))
        pulumi.export("by_id", by_id.app_id)
        key = parallel.ApiKey("ci", app_id=by_id.app_id)
        """,
    )

    with calls(emulator) as made:
        preview = project.preview()
    assert changes(preview) == {"create": 2}
    assert made == {LIST_APPS: 1, GET_BALANCE: 2}

    outputs = {name: output.value for name, output in project.up().outputs.items()}
    organization = emulator.state()["org"]
    assert outputs == {
        "balance": {
            "org_id": emulator.org_id,
            "credit_balance_cents": 1234.5,
            "pending_debit_balance_cents": 3,
            "will_invoice": False,
        },
        "cents": 1234.5,
        "apps": ["parallel-cli Users", "search"],
        "first": "parallel-cli Users",
        "by_name": {
            "app_id": app_id,
            "app_name": "search",
            "org_id": emulator.org_id,
            "org_name": organization["org_name"],
        },
        "by_id": app_id,
    }


def test_get_app_waits_for_an_app_of_the_same_program(project: Project, emulator: Emulator) -> None:
    """With an argument that is unknown in preview, it makes no request in preview."""
    declare(
        project,
        """
        app = parallel.App("search")
        pulumi.export("found", parallel.get_app_output(app_id=app.app_id).app_name)
        """,
    )
    with calls(emulator) as made:
        project.preview()
    assert made == {}

    assert project.up().outputs["found"].value == "search"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ('get_app(app_name="search")', "no app named 'search'"),
        (f'get_app_output(app_id="{NO_SUCH_APP}")', NO_SUCH_APP),
        ('get_app(app_name="twin")', "get_app: 2 apps are named 'twin'"),
    ],
)
def test_get_app_that_is_not_exactly_one_is_refused(
    project: Project, emulator: Emulator, call: str, says: str
) -> None:
    """The line says what was searched for, and the ids to choose from or how to list them."""
    twins = [Console(emulator).create_app("twin") for _ in range(2)]
    declare(project, f"parallel.{call}")
    instead = [*twins, "app_id"] if "twin" in call else ["`parallel-provider apps`"]

    for operation in ("preview", "up"):
        assert_fails(project, operation, "get_app", says, *instead, resource=None)


def test_get_app_by_nothing_is_refused(project: Project, emulator: Emulator) -> None:
    """A program must give exactly one of the name and the id."""
    declare(project, "parallel.get_app()")

    text = project.fails("preview")

    native = "app_name or app_id must be given, and only one of them"
    reason = native if project.provider == "native" else "get_app: give either app_name or app_id"
    assert_refused(project, text, reason, resource=None)
    assert emulator.state()["requests"] == {}


def test_data_source_without_permission_is_refused(project: Project, emulator: Emulator) -> None:
    """The line names the scope that the token doesn't have."""
    project.env["PARALLEL_ACCESS_TOKEN"] = emulator.mint_token(scopes=["apps:read"])
    declare(project, "parallel.get_balance()")

    assert_fails(
        project,
        "preview",
        "reading the balance" if project.provider == "dynamic" else "calling getBalance",
        "Missing required scope: balance:read",
        "missing scope",
        resource=None,
    )


@pytest.mark.providers("dynamic")  # nobody tells a plugin that the argument of a function is secret
def test_secret_that_is_looked_for_is_not_printed(project: Project) -> None:
    """The result and the error don't contain the secret that was searched for."""
    declare(
        project, 'parallel.get_app_output(app_name=pulumi.Output.secret("hush-hush").apply(str))'
    )

    text = assert_fails(project, "up", "get_app: there is no app named '********'", resource=None)
    assert "hush-hush" not in text

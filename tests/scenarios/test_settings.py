"""Settings and tokens: their order, and the errors for wrong ones."""

from __future__ import annotations

import secrets

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    apps_named,
    assert_fails,
    assert_refused,
    declare,
    stored_text,
    warnings,
)

ONE_APP = 'parallel.App("search")'
EXPLICIT = """
import os
provider = pulumi.ProviderResource("parallel", "{name}", {arguments})
opts = pulumi.ResourceOptions(provider=provider)
parallel.App("search", opts=opts)
"""
CREDIT = 'parallel.BalanceTopUp("credit", amount_cents=600, opts=opts)'


def test_configured_token_comes_before_the_environment(
    project: Project, emulator: Emulator
) -> None:
    """The stack's secret comes first. Resources and data sources use it, and it stays a secret."""
    project.config("parallel:accessToken", emulator.access_token, secret=True)
    project.config("parallel:serviceApiUrl", emulator.url)
    project.env |= {
        "PARALLEL_ACCESS_TOKEN": "not-even-a-token",
        "PARALLEL_SERVICE_API_URL": "http://127.0.0.1:9",
    }
    declare(project, ONE_APP + '\npulumi.export("org", parallel.get_balance().org_id)')

    created = project.up()

    assert created.outputs["org"].value == emulator.org_id
    for text in (created.stdout, stored_text(project)):
        assert emulator.access_token not in text


def test_no_token_at_all_is_told_in_preview_and_refused_in_up(
    project: Project, emulator: Emulator
) -> None:
    """A preview makes no request, so it only warns. The line lists all ways to sign in."""
    project.env["PARALLEL_ACCESS_TOKEN"] = " "
    declare(project, ONE_APP)
    ways = (
        "no Parallel access token is configured",
        "`parallel-provider login`",
        "PARALLEL_ACCESS_TOKEN",
        "parallel:accessToken",
    )

    preview = project.preview()
    text = project.fails("up")

    assert all(way in preview.stdout for way in ways)
    assert_refused(project, text, *ways, resource="search")
    assert emulator.state()["requests"] == {}


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_data_api_key_in_place_of_a_token_is_named_as_the_mistake(
    project: Project, emulator: Emulator, operation: str
) -> None:
    """The mistake is found before any request."""
    project.env["PARALLEL_ACCESS_TOKEN"] = secrets.token_urlsafe(30)
    declare(project, ONE_APP)

    assert_fails(
        project,
        operation,
        "PARALLEL_ACCESS_TOKEN isn't an access token",
        "data API key",
        "`parallel-provider login`",
        resource="search",
    )
    assert emulator.state()["requests"] == {}


def test_wrong_and_expired_tokens_change_nothing(project: Project, emulator: Emulator) -> None:
    """A 401 in any operation says so for each resource, and the state doesn't change."""
    declare(project, ONE_APP)
    project.up()
    before = project.resource("search")
    expired = emulator.mint_token(lifetime_seconds=60)
    emulator.set_clock(61)

    for token, reason in (("e30.e30.wrong", "Invalid access token"), (expired, "has expired")):
        project.env["PARALLEL_ACCESS_TOKEN"] = token
        declare(project, ONE_APP + '\nparallel.App("billing")')
        for operation, resource in (
            ("up", "billing"),
            ("refresh", "search"),
            ("destroy", "search"),
        ):
            assert_fails(
                project, operation, "401", reason, "`parallel-provider login`", resource=resource
            )

    assert project.resource("search")["outputs"] == before["outputs"]
    assert len(apps_named(emulator, "search")) == 1
    assert CREATE_APP not in emulator.state()["requests"] or not apps_named(emulator, "billing")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PARALLEL_MAX_TOP_UP_CENTS", "$20", ("whole number of cents", "2000")),
        ("PARALLEL_ORG_ID", "", ("set and blank", "remove it")),
        ("PARALLEL_SERVICE_API_URL", "https://me:hush@example.com", ("user name or password",)),
    ],
)
def test_setting_that_cannot_be_used_is_named(
    project: Project, emulator: Emulator, name: str, value: str, says: tuple[str, ...]
) -> None:
    """The line names the setting and its source, and says what is expected."""
    project.env[name] = value
    declare(project, ONE_APP)

    text = assert_fails(project, "preview", name, *says, resource="search")
    assert "hush" not in text
    assert emulator.state()["requests"] == {}


def test_misspelt_guard_is_named_once_a_run(project: Project, emulator: Emulator) -> None:
    """Whatever the program declares, one warning names the key and the most similar known key."""
    project.config("parallel:orgid", "org_meant")
    project.env["PARALLEL_MAX_TOPUP_CENTS"] = "5"
    declare(project, f"{ONE_APP}\n{ONE_APP.replace('search', 'find')}\nparallel.get_apps_output()")

    for run in (project.preview(), project.up()):
        said = warnings(run.stdout)
        assert len([line for line in said if "did you mean parallel:orgId?" in line]) == 1
        assert (
            len([line for line in said if "did you mean PARALLEL_MAX_TOP_UP_CENTS?" in line]) == 1
        )
    assert len(apps_named(emulator, "search")) == 1


def test_access_token_as_plain_text_is_warned_about(project: Project, emulator: Emulator) -> None:
    """The state would show it. There is no warning for a secret."""
    token = emulator.mint_token()
    declare(project, ONE_APP)
    project.config("parallel:accessToken", token)
    plain = project.preview()
    project.config("parallel:accessToken", token, secret=True)
    secret = project.preview()

    words = "parallel:accessToken is in the stack's configuration as plain text"
    assert [words in line for line in warnings(plain.stdout)] == [True]
    assert warnings(secret.stdout) == []
    assert token not in plain.stdout


@pytest.mark.providers("dynamic")  # a plugin sees today's configuration
def test_destroy_is_told_which_configuration_counts(project: Project, emulator: Emulator) -> None:
    """A refresh or a destroy doesn't see a renewed token. The line says so, and what to do."""
    project.config("parallel:accessToken", emulator.mint_token(lifetime_seconds=60), secret=True)
    declare(project, ONE_APP)
    project.up()
    emulator.set_clock(61)
    project.config("parallel:accessToken", emulator.mint_token(), secret=True)

    for operation in ("refresh", "destroy"):
        assert_fails(
            project,
            operation,
            "401",
            "use the configuration of the last `pulumi up`",
            "--run-program",
            resource="search",
        )
    project.up()
    emulator.set_clock(0)
    assert changes(project.destroy()) == {"delete": 2}


def test_guard_in_the_environment_guards_a_destroy(project: Project, emulator: Emulator) -> None:
    """It also guards if the configuration of the last `up` has another one or none."""
    declare(project, ONE_APP)
    project.up()
    project.env["PARALLEL_ORG_ID"] = "org_meant"
    assert_fails(project, "destroy", "PARALLEL_ORG_ID allows 'org_meant' only", resource="search")

    del project.env["PARALLEL_ORG_ID"]
    project.config("parallel:orgId", emulator.org_id)
    project.up()
    project.env["PARALLEL_ORG_ID"] = "org_meant"
    assert_fails(
        project,
        "destroy",
        "parallel:orgId and PARALLEL_ORG_ID name different organizations",
        # A plugin sees today's configuration without it.
        "--run-program" if project.provider == "dynamic" else "both name the same one",
        resource="search",
    )
    assert len(apps_named(emulator, "search")) == 1


def test_blank_guard_of_the_stack_is_refused(project: Project, emulator: Emulator) -> None:
    """One in the environment that isn't blank doesn't take its place."""
    project.env["PARALLEL_ORG_ID"] = emulator.org_id
    project.config("parallel:orgId", "")
    declare(project, ONE_APP)

    assert_fails(project, "up", "parallel:orgId is set and blank", resource="search")
    assert apps_named(emulator, "search") == []


@pytest.mark.providers("native")
@pytest.mark.parametrize("name", ["mine", "default", "default_x"])
def test_explicit_provider_has_its_arguments_whatever_its_name_is(
    project: Project, emulator: Emulator, name: str
) -> None:
    """The stack is signed in to another organization, in each run."""
    other = emulator.add_org()
    project.config("parallel:accessToken", other["access_token"], secret=True)
    project.config("parallel:timeoutSeconds", "60")
    project.env["TOKEN"] = emulator.access_token
    declare(project, EXPLICIT.format(name=name, arguments='{"accessToken": os.environ["TOKEN"]}'))

    project.up()
    project.config("parallel:timeoutSeconds", "50")
    refreshed = project.refresh()

    assert len(apps_named(emulator, "search")) == 1
    assert set(changes(refreshed)) == {"same"}
    assert emulator.access_token not in stored_text(project)
    project.destroy()
    assert apps_named(emulator, "search") == []
    assert len(emulator.state(other["org_id"])["apps"]) == 1


@pytest.mark.providers("native")
def test_guards_of_the_stack_reach_an_explicit_provider(
    project: Project, emulator: Emulator
) -> None:
    """Its own are looked at besides them. What the stack allows may be charged."""
    project.config("parallel:orgId", "org_meant")
    project.config("parallel:maxTopUpCents", "500")
    limits = '{"maxTopUpCents": 900, "timeoutSeconds": 60}'
    program = EXPLICIT.format(name="mine", arguments=limits)
    declare(project, program)
    assert_fails(project, "up", "parallel:orgId allows 'org_meant' only", resource="search")

    project.config("parallel:orgId", emulator.org_id)
    declare(project, program + CREDIT)
    assert_fails(project, "up", "parallel:maxTopUpCents", "allows 500", resource="credit")
    project.config("parallel:maxTopUpCents", "600")
    project.up()

    assert [charge["amount_cents"] for charge in emulator.state()["charges"]] == [600]


@pytest.mark.providers("native")
def test_last_setting_that_was_removed_counts_no_more(project: Project, emulator: Emulator) -> None:
    """Neither a removed guard nor a removed address counts in a refresh or a destroy."""
    project.config("parallel:orgId", emulator.org_id)
    declare(project, ONE_APP)
    project.up()
    project.stack.remove_config("parallel:orgId")
    project.env["PARALLEL_ORG_ID"] = "org_meant"

    assert_fails(project, "refresh", "PARALLEL_ORG_ID allows 'org_meant' only", resource="search")
    del project.env["PARALLEL_ORG_ID"]
    assert changes(project.destroy()) == {"delete": 2}

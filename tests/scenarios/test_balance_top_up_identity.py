"""BalanceTopUp's identity: no charge counts for two top-ups or goes to the wrong card."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import assert_fails, assert_refused, declare, warnings
from tests.scenarios.top_ups import allow, amounts, outputs, top_up

_COMPONENTS = """
class Shop(pulumi.ComponentResource):
    def __init__(self, name, amount):
        super().__init__("my:index:Shop", name)
        self.credit = parallel.BalanceTopUp(
            "credit", amount_cents=amount, opts=pulumi.ResourceOptions(parent=self)
        )

class Lab(pulumi.ComponentResource):
    def __init__(self, name, amount):
        super().__init__("my:index:Lab", name)
        self.credit = parallel.BalanceTopUp(
            "credit", amount_cents=amount, opts=pulumi.ResourceOptions(parent=self)
        )
"""

# A renamed top-up that was "credit" before, and a new "credit". Either may wait for the other.
_RENAMED = """funds = parallel.BalanceTopUp(
    "funds", amount_cents=1000, opts=pulumi.ResourceOptions(depends_on=[{}])
)"""
_NEW = """credit = parallel.BalanceTopUp(
    "credit", amount_cents=1000, opts=pulumi.ResourceOptions(depends_on=[{}])
)"""
RENAMED_FIRST = "\n".join((_RENAMED.format(""), _NEW.format("funds")))
NEW_FIRST = "\n".join((_NEW.format(""), _RENAMED.format("credit")))


@pytest.fixture
def renamed(project: Project) -> Project:
    """Return a project whose top-up charged once as "credit" and was then renamed to "funds"."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    alias = 'aliases=[pulumi.Alias(name="credit")]'
    top_up(project, "amount_cents=1000", name="funds", options=alias)
    project.up()
    return project


def test_one_name_in_components_of_two_types_is_charged_for_each(
    project: Project, emulator: Emulator
) -> None:
    """Each is charged and counted under its own key, now and later."""
    allow(project, 2000)
    for amount in (1000, 2000):
        lines = (
            f"Shop('shop', {amount})",
            f"Lab('lab', {amount})",
            f"parallel.BalanceTopUp('credit', amount_cents={amount})",
        )
        declare(project, "\n".join((_COMPONENTS, *lines)))
        assert warnings(project.up().stdout) == []

    assert amounts(emulator) == [1000] * 3 + [2000] * 3
    assert len({charge["idempotency_key"] for charge in emulator.state()["charges"]}) == 6
    found = [r["outputs"] for r in project.resources() if r["urn"].endswith("::credit")]
    assert [(one["charges"], one["total_charged_cents"]) for one in found] == [(2, 3000)] * 3
    assert {one.get("parent_types") for one in found} == {None, "my:index:Shop", "my:index:Lab"}
    assert changes(project.up()) == {"same": 6}


def test_top_up_in_nested_components_has_all_their_types_and_waits_for_no_sibling(
    project: Project, emulator: Emulator
) -> None:
    """If it waited for a component, it would wait for all its children, and one waits for it."""
    allow(project, 1000)
    declare(
        project,
        """
        outer = pulumi.ComponentResource("my:index:Outer", "outer")
        inner = pulumi.ComponentResource(
            "my:index:Inner", "inner", opts=pulumi.ResourceOptions(parent=outer)
        )
        credit = parallel.BalanceTopUp(
            "credit", amount_cents=1000, opts=pulumi.ResourceOptions(parent=inner)
        )
        parallel.App("search", opts=pulumi.ResourceOptions(parent=inner, depends_on=[credit]))
        """,
    )

    project.up()

    assert outputs(project)["parent_types"] == "my:index:Outer$my:index:Inner"
    assert amounts(emulator) == [1000]


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_name_that_pulumi_cannot_keep_is_refused_before_a_charge(
    project: Project, emulator: Emulator, operation: str
) -> None:
    """The state has the name. What is charged and can't get there would be charged for nothing."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000", name="<{%credit")
    named = "resource_name" if project.provider == "dynamic" else "resourceName"

    assert_fails(project, operation, f"{named} holds <{{ %, with which", resource=None)

    assert amounts(emulator) == []


@pytest.mark.parametrize("program", [RENAMED_FIRST, NEW_FIRST])
def test_new_top_up_of_a_renamed_ones_name_is_refused_in_preview(
    renamed: Project, emulator: Emulator, program: str
) -> None:
    """One charge would be counted for both, in either order."""
    declare(renamed, program)

    assert_fails(renamed, "preview", "one charge would be counted for both", "name", resource=None)
    assert amounts(emulator) == [1000]


def test_new_top_up_of_a_renamed_ones_name_is_refused_before_a_charge(
    renamed: Project, emulator: Emulator
) -> None:
    """Without a preview, it is also refused if the renamed one comes first."""
    declare(renamed, RENAMED_FIRST)

    assert_fails(renamed, "up", "'funds'", "choose another name", resource="credit")
    assert amounts(emulator) == [1000]
    assert not [r for r in renamed.resources() if r["urn"].endswith("::credit")]


def test_new_top_up_before_the_renamed_one_is_refused_with_it(
    renamed: Project, emulator: Emulator
) -> None:
    """The new one counts the charge that is known, and then both are there: nothing is charged."""
    declare(renamed, NEW_FIRST)

    text = renamed.fails("up")

    assert "Nothing was charged now" in text
    assert_refused(renamed, text, "'credit'", "counted for both", resource="funds")
    assert amounts(emulator) == [1000]
    # The advice solves it.
    declare(renamed, NEW_FIRST.replace('"credit"', '"fresh"'))
    renamed.up()
    assert amounts(emulator) == [1000, 1000]
    assert outputs(renamed, "funds")["charges"] == outputs(renamed, "fresh")["charges"] == 1


def test_charge_for_another_organization_is_refused(project: Project, emulator: Emulator) -> None:
    """A token of another organization can't make this top-up charge another card."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    other = emulator.add_org()

    project.env["PARALLEL_ACCESS_TOKEN"] = other["access_token"]
    top_up(project, "amount_cents=1000, triggers=1")
    assert_fails(project, "up", emulator.org_id, other["org_id"], resource="credit")
    assert emulator.state(other["org_id"])["charges"] == []
    assert amounts(emulator) == [1000]

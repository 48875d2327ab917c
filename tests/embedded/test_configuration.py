"""The configuration of a provider: the current one, or the one that the last `up` saved."""

from __future__ import annotations

import pytest

from tests.embedded.toy_project import Toy
from tests.engines import Project, is_secret, plain

PROVIDER = "pulumi:providers:pulumi-python"


def configured(toy: Toy) -> list[tuple[str | None, str | None]]:
    """Return the configurations that providers got since the last call."""
    return [(call["token"], call["plain"]) for call in toy.journal() if call["op"] == "configure"]


def configure(toy: Toy, version: int) -> None:
    """Set a secret and a plain value of a version."""
    toy.project.config("toy:token", f"token-{version}", secret=True)
    toy.project.config("plain", f"plain-{version}")


def of(version: int) -> tuple[str, str]:
    """Return the values of a version."""
    return f"token-{version}", f"plain-{version}"


@pytest.fixture
def aged(toy: Toy) -> Toy:
    """Return a stack whose configuration has changed since its last `up`."""
    configure(toy, 1)
    toy.program('Thing("a", value=1)')
    toy.project.up()
    configure(toy, 2)
    assert configured(toy) == [of(1)]
    return toy


def test_refresh_and_destroy_use_the_configuration_of_the_last_up(aged: Toy) -> None:
    """They don't use values that were set later, and neither does the preview of a refresh."""
    stack = aged.project.stack
    for operation in (aged.project.refresh, stack.preview_refresh, aged.project.destroy):
        operation()
        assert configured(aged) == [of(1)]


def test_preview_and_up_use_the_current_configuration(aged: Toy) -> None:
    """Deletions use it too."""
    aged.program('Thing("b", value=1)')
    for operation in (aged.project.preview, aged.project.up):
        operation()
        assert configured(aged) == [of(2)]


def test_refresh_before_up_uses_the_old_configuration(aged: Toy) -> None:
    """A first provider process refreshes, a second one with the current configuration updates."""
    for operation, saved in ((aged.project.preview, 1), (aged.project.up, 2)):
        operation(refresh=True)
        assert configured(aged) == [of(1), of(2)]
        aged.project.refresh()
        assert configured(aged) == [of(saved)]


def test_refresh_before_up_with_equal_configurations_uses_one_provider(aged: Toy) -> None:
    """One provider process is enough for equal configurations."""
    configure(aged, 1)
    aged.project.up(refresh=True)
    assert configured(aged) == [of(1)]


def test_up_of_an_emptied_program_uses_the_old_configuration(aged: Toy) -> None:
    """No resource is registered, so the deletions use the saved configuration."""
    aged.program("")
    aged.project.up()
    assert configured(aged) == [of(1)]
    assert aged.things() == []


def test_failed_up_leaves_its_configuration_in_the_state(aged: Toy) -> None:
    """The provider is saved before its first resource. A program may fail before that."""
    aged.program('raise RuntimeError("too early")')
    aged.project.fails("up")
    aged.project.refresh()
    assert configured(aged) == [of(1)]
    aged.program('Thing("a", value="bad")')
    aged.project.fails("up")
    aged.project.refresh()
    assert configured(aged) == [of(2), of(2)]


def test_state_holds_the_configuration_of_the_provider(aged: Toy) -> None:
    """It is a resource with secret inputs. It is deleted when no resource uses it."""

    def providers(project: Project) -> list[dict[str, object]]:
        return [resource for resource in project.resources() if resource["type"] == PROVIDER]

    [before] = providers(aged.project)
    assert before["inputs"] == before["outputs"]
    inputs = before["inputs"]
    assert isinstance(inputs, dict)
    assert inputs["scenario:plain"] == "plain-1"
    assert is_secret(inputs["toy:token"])
    assert plain(inputs["toy:token"]) == "token-1"
    assert aged.project.resource("a")["provider"] == f"{before['urn']}::{before['id']}"

    aged.project.up()
    [after] = providers(aged.project)
    assert after["id"] == before["id"]
    assert after["inputs"]["scenario:plain"] == "plain-2"  # type: ignore[index]
    assert after["modified"] != before["modified"]
    aged.project.up()
    assert providers(aged.project)[0]["modified"] == after["modified"]

    aged.program("")
    aged.project.up()
    assert providers(aged.project) == []


@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_exported_state_without_secrets_shows_none(aged: Toy) -> None:
    """The secrets of the configuration are left out too (`pulumi.automation` always shows them)."""
    text = str(aged.project.stack.export_stack(show_secrets=False).deployment)
    assert "plain-1" in text
    assert "token-1" not in text

"""The methods of `pulumi.automation.Stack`, and the time limit of operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.errors import CommandError

from pulumi_embedded import EmbeddedStack, Refused
from tests.embedded.toy_project import Toy

WAITS_FOR_ITSELF = """
import pulumi
class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("toy:index:Group", name, {})
        self.register_outputs({})
group = Group("g")
pulumi.ComponentResource("toy:index:Other", "o", {"x": pulumi.Output.from_input(never)})
"""
NEVER = "import asyncio\nnever = asyncio.get_event_loop().create_future()\n"


def test_history_has_the_operations_that_changed_the_stack(toy: Toy) -> None:
    """The latest comes first, and previews aren't in it."""
    toy.program('Thing("a")')
    toy.project.up()
    toy.project.preview()
    toy.project.refresh()
    assert [summary.kind for summary in toy.project.stack.history()] == ["refresh", "update"]
    info = toy.project.stack.info()
    assert (info.kind, info.result) == ("refresh", "succeeded")


@pytest.mark.parametrize("name", ["cancel", "rename", "set_tag", "import_resources", "select"])
def test_unsupported_method_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """The error names the method."""
    stack: Any = EmbeddedStack("test", tmp_path)
    with pytest.raises(Refused, match=f"the method `{name}`"):
        getattr(stack, name)("x")
    with pytest.raises(AttributeError):
        _ = stack.no_such_method


def test_operation_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """A component that waits for itself doesn't hang for ever."""
    (tmp_path / "__main__.py").write_text(NEVER + WAITS_FOR_ITSELF)
    stack = EmbeddedStack("test", tmp_path, timeout_seconds=2)
    with pytest.raises(CommandError, match="the operation took longer than 2 seconds"):
        stack.up()
    (tmp_path / "__main__.py").write_text("")
    assert EmbeddedStack("test", tmp_path).up().summary.result == "succeeded"


def test_provider_call_that_takes_too_long_is_ended(toy: Toy) -> None:
    """The provider's process is ended, and the resource isn't in the state."""
    if toy.project.engine == "pulumi":
        pytest.skip("Pulumi has no such time limit")
    toy.program('Thing("b")')
    toy.project.up()
    toy.program('Thing("b"); Thing("a", takes=600)')
    toy.project.stack._timeout_seconds = 4
    assert "the operation took longer than 4 seconds" in toy.project.fails("up")
    assert toy.calls("create") == ["create b", "create a"]
    resources = toy.project.resources()
    assert [r["id"] for r in resources if r["type"].endswith("Thing")] == ["b-1"]

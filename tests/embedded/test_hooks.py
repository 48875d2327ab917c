"""Resource hooks: functions of the program that run before and after steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded.toy_project import Toy
from tests.engines import changes, is_secret

# Each hook writes a line to hooks.txt.
HOOKS = """
from pathlib import Path
from pulumi import ErrorHook, ResourceHook, ResourceHookBinding, ResourceHookOptions

def shown(properties):
    value = (properties or {}).get("value")
    return None if value is None else int(value)

def note(kind, on_dry_run=True):
    def run(args):
        line = f"{kind} {args.name} {args.id or '-'} {shown(args.old_inputs)} "
        line += f"{shown(args.new_inputs)} {shown(args.old_outputs)} {shown(args.new_outputs)}"
        with Path("hooks.txt").open("a") as file:
            file.write(line + "\\n")
    return ResourceHook(kind, run, ResourceHookOptions(on_dry_run=on_dry_run))

kinds = ["before_create", "after_create", "before_update", "after_update",
         "before_delete", "after_delete"]
"""
ALL = "ResourceHookBinding(**{kind: [note(kind)] for kind in kinds})"


def _lines(toy: Toy) -> list[str]:
    """Return and remove what the hooks wrote."""
    path = Path(toy.project.folder) / "hooks.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_hooks_run_around_each_step(toy: Toy) -> None:
    """They get the old and new inputs and outputs of the step."""
    program = (
        f'{HOOKS}\nThing("a", value={{value}}, zone="{{zone}}", opts=ResourceOptions(hooks={ALL}))'
    )
    toy.program(program.replace("{value}", "1").replace("{zone}", "x"))
    toy.project.up()
    assert _lines(toy) == ["before_create a - None 1 None None", "after_create a a-1 None 1 None 1"]
    toy.project.up()
    assert _lines(toy) == []
    toy.program(program.replace("{value}", "2").replace("{zone}", "x"))
    toy.project.up()
    assert _lines(toy) == ["before_update a a-1 1 2 1 None", "after_update a a-1 1 2 1 2"]
    toy.program(program.replace("{value}", "2").replace("{zone}", "y"))
    toy.project.up()
    assert _lines(toy) == [
        "before_create a - None 2 None None",
        "after_create a a-2 None 2 None 2",
        "before_delete a a-1 2 None 2 None",
        "after_delete a a-1 2 None 2 None",
    ]


def test_hooks_run_in_previews_if_they_say_so(toy: Toy) -> None:
    """Hooks without `on_dry_run` don't run in a preview."""
    binding = (
        'ResourceHookBinding(before_create=[note("loud")], '
        'after_create=[note("quiet", on_dry_run=False)])'
    )
    toy.program(f'{HOOKS}\nThing("a", value=1, opts=ResourceOptions(hooks={binding}))')
    toy.project.preview()
    assert _lines(toy) == ["loud a - None 1 None None"]
    toy.project.up()
    assert _lines(toy) == ["loud a - None 1 None None", "quiet a a-1 None 1 None 1"]


def test_hooks_of_a_component_run_around_its_registration(toy: Toy) -> None:
    """Those after it run when the component has registered its outputs."""
    toy.program(f"""{HOOKS}
class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("toy:index:Group", name, {{}}, opts)
        Thing("child", opts=ResourceOptions(parent=self,
            hooks=ResourceHookBinding(after_create=[note("child")])))
        self.register_outputs({{"value": 5}})

Group("g", opts=ResourceOptions(hooks=ResourceHookBinding(
    before_create=[note("before")], after_create=[note("after")])))
""")
    toy.project.up()
    lines = _lines(toy)
    assert lines[0] == "before g - None None None None"
    assert sorted(lines[1:]) == [
        "after g - None None None 5",
        "child child child-1 None None None None",
    ]


def test_hook_gets_outputs_before_more_of_them_are_secrets(toy: Toy) -> None:
    """An output in `additional_secret_outputs` is plain in the hook, and secret in the state."""
    toy.program("""
from pathlib import Path

def write(args):
    Path("hooks.txt").write_text(f"{args.new_outputs['value']} {args.new_inputs['value']}")

hook = pulumi.ResourceHook("hook", write)
Thing("a", value=1, opts=ResourceOptions(
    hooks=pulumi.ResourceHookBinding(after_create=[hook]), additional_secret_outputs=["value"]))
""")
    toy.project.up()
    assert _lines(toy) == ["1.0 1.0"]
    assert is_secret(toy.project.resource("a")["outputs"]["value"])


def test_hook_that_fails_before_a_step_prevents_it(toy: Toy) -> None:
    """The resource isn't created."""
    toy.program("""
def fail(args):
    raise ValueError("not on Fridays")

hook = pulumi.ResourceHook("hook", fail)
Thing("a", opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hook])))
""")
    assert 'before hook "hook" failed: not on Fridays' in toy.project.fails("up")
    assert toy.things() == []
    assert len(toy.project.resources()) <= 2  # the stack, and the provider


def test_hook_that_fails_after_a_step_keeps_it(toy: Toy) -> None:
    """The run fails, and what was created stands in the state."""
    toy.program("""
def fail(args):
    raise ValueError("not on Fridays")

hook = pulumi.ResourceHook("hook", fail)
a = Thing("a", opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[hook])))
b = Thing("b", value=a.generation)
""")
    assert 'after hook "hook" failed: not on Fridays' in toy.project.fails("up")
    assert toy.things() == ["a-1"]
    assert toy.project.resource("a")["id"] == "a-1"
    assert toy.project.resource("a")["resourceHooks"] == {"AfterCreate": ["hook"]}


def test_destroy_refuses_resources_with_hooks_of_deletions(toy: Toy) -> None:
    """The program, which has the hooks, doesn't run. An `up` that deletes runs them."""
    hook = 'hooks=ResourceHookBinding(before_delete=[note("bye")])'
    toy.program(f'{HOOKS}\nThing("a", opts=ResourceOptions({hook}))')
    toy.project.up()
    text = toy.project.fails("destroy")
    assert (
        "Resource has delete hooks registered, but the program is not running. Hooks: bye" in text
    )
    assert "--run-program" in text
    assert toy.things() == ["a-1"]
    toy.program(f'{HOOKS}\nnote("bye")')
    assert changes(toy.project.up()) == {"delete": 1, "same": 1}
    assert _lines(toy) == ["bye a a-1 None None None None"]


def test_delete_hook_that_is_not_registered_fails(toy: Toy) -> None:
    """The resource isn't deleted."""
    hook = 'hooks=ResourceHookBinding(before_delete=[note("bye")])'
    toy.program(f'{HOOKS}\nThing("a", opts=ResourceOptions({hook}))')
    toy.project.up()
    toy.program("")
    assert 'hook "bye" was not registered' in toy.project.fails("up")
    assert toy.things() == ["a-1"]


@pytest.mark.parametrize("retries", [1, 3])
def test_error_hook_retries_a_failed_call(toy: Toy, retries: int) -> None:
    """It gets the errors so far, the newest first. The last answer decides."""
    toy.program(f"""{HOOKS}
def again(args):
    with Path("hooks.txt").open("a") as file:
        file.write(f"{{args.failed_operation}} {{len(args.errors)}}\\n")
    return len(args.errors) < {retries}

hook = ErrorHook("hook", again)
Thing("a", opts=ResourceOptions(hooks=ResourceHookBinding(on_error=[hook])))
""")
    toy.fail("create a")
    text = toy.project.fails("up")
    assert "the cloud refuses to create a" in text
    assert _lines(toy) == [f"create {number}" for number in range(1, retries + 1)]
    assert toy.calls("create") == ["create a"] * retries
    assert text.count("retrying create due to on-error hook request") >= retries - 1


def test_hook_that_never_returns_ends_with_the_time_limit(toy: Toy) -> None:
    """Not even a hook of a deletion can make an operation hang."""
    if toy.project.engine == "pulumi":
        pytest.skip("Pulumi has no such time limit")
    toy.program(f"""{HOOKS}
import asyncio
async def wait(args):
    await asyncio.sleep(3600)
hook = ResourceHook("hook", wait)
if not Path("gone").exists():
    Thing("a", opts=ResourceOptions(hooks=ResourceHookBinding(before_delete=[hook])))
""")
    toy.project.up()
    (toy.project.folder / "gone").touch()
    toy.project.stack._timeout_seconds = 3
    assert "took longer than 3 seconds" in toy.project.fails("up")
    assert toy.things() == ["a-1"]

"""Unsupported features are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.errors import CommandError

from pulumi_embedded import EmbeddedStack, Refused

TOY = Path(__file__).parent / "toy" / "toy.py"

REFUSED = {
    "explicit providers of dynamic resources": 'pulumi.ProviderResource("pulumi-python", "p", {})',
    "functions of dynamic providers (pulumi-python:index:f)": (
        'pulumi.runtime.invoke("pulumi-python:index:f", {})'
    ),
    "the option `import_`": 'Thing("a", opts=ResourceOptions(import_="x"))',
    "the option `version`": 'Thing("a", opts=ResourceOptions(version="1.2.3"))',
    "the option `plugin_download_url`": (
        'Thing("a", opts=ResourceOptions(id="x", plugin_download_url="https://example.invalid"))'
    ),
    "the option `deleted_with`": 'Thing("b", opts=ResourceOptions(deleted_with=Thing("a")))',
    "the option `replace_with`": 'Thing("b", opts=ResourceOptions(replace_with=[Thing("a")]))',
    "the option `replacement_trigger`": 'Thing("a", opts=ResourceOptions(replacement_trigger=1))',
    "resource hooks": (
        'hooks = ResourceHookBinding(after_create=[ResourceHook("told", print)])\n'
        'Thing("a", opts=ResourceOptions(hooks=hooks))'
    ),
    "transforms (resource 'a')": 'Thing("a", opts=ResourceOptions(transforms=[print]))',
    "transforms: ": "pulumi.runtime.register_resource_transform(print)\nThing('a')",
    "assets": 'Thing("a", value=pulumi.StringAsset("text"))',
    "components that live in a provider": (
        'pulumi.ComponentResource("awsx:index:C", "c", {}, None, True)'
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for a program that can import `toy`."""
    (tmp_path / "toy.py").write_text(TOY.read_text())
    return tmp_path


@pytest.mark.parametrize("what", REFUSED)
def test_unsupported_feature_is_refused_by_name(folder: Path, what: str) -> None:
    """The error names what isn't supported, and what to do."""
    (folder / "__main__.py").write_text(
        "import pulumi, pulumi.runtime\n"
        "from pulumi import ResourceHook, ResourceHookBinding, ResourceOptions\n"
        f"from toy import Thing\n{REFUSED[what]}\n"
    )
    (folder / "cloud").mkdir()
    stack = EmbeddedStack("test", folder, env_vars={"TOY_CLOUD": str(folder / "cloud")})
    with pytest.raises(CommandError, match="the embedded stack does not support") as failure:
        stack.up()
    assert what in str(failure.value)
    assert "run this program with Pulumi itself" in str(failure.value)


@pytest.mark.parametrize("option", ["target", "policy_packs", "continue_on_error", "replace"])
def test_unsupported_option_of_an_operation_is_refused_by_name(folder: Path, option: str) -> None:
    """An option that would change the operation isn't ignored."""
    unsupported: dict[str, Any] = {option: ["x"]}
    with pytest.raises(Refused, match=f"`{option}`"):
        EmbeddedStack("test", folder).up(**unsupported)


def test_options_without_effect_are_accepted(folder: Path) -> None:
    """Options that only change the output are accepted."""
    (folder / "__main__.py").write_text("")
    EmbeddedStack("test", folder).up(color="never", message="a message", diff=True)


def test_encrypted_state_is_refused(folder: Path) -> None:
    """A state with encrypted secrets can't be read, and the error says how to export it."""
    (folder / "__main__.py").write_text(
        "import pulumi; pulumi.export('secret', pulumi.Output.secret('hush'))"
    )
    stack = EmbeddedStack("test", folder)
    stack.up()
    with pytest.raises(Refused, match="export it with its secrets shown"):
        stack.import_stack(stack.export_stack(show_secrets=False))


WITHOUT_PLUGIN = {
    "function aws:index:f": 'pulumi.runtime.invoke("aws:index:f", {})',
    "resource 'p'": 'pulumi.ProviderResource("aws", "p", {})',
    "resource 'b'": 'pulumi.CustomResource("aws:s3:Bucket", "b", {})',
    "resource 'r'": 'pulumi.CustomResource("aws:s3:Bucket", "r", {}, ResourceOptions(id="x"))',
}


@pytest.mark.parametrize("what", WITHOUT_PLUGIN)
def test_package_without_a_plugin_is_refused_by_name(folder: Path, what: str) -> None:
    """The error says how to give the plugin."""
    (folder / "__main__.py").write_text(
        "import pulumi, pulumi.runtime\n"
        f"from pulumi import ResourceOptions\n{WITHOUT_PLUGIN[what]}\n"
    )

    with pytest.raises(CommandError) as failure:
        EmbeddedStack("test", folder).up()

    text = f"does not support the package 'aws' without its plugin ({what})"
    assert text in str(failure.value)
    assert "plugins={'aws': PATH_OF_ITS_EXECUTABLE}" in str(failure.value)


@pytest.mark.parametrize(
    "second",
    [
        'Thing("b", opts=ResourceOptions(deleted_with=a))',
        'Thing("b", opts=ResourceOptions(version="1.2.3"))',
        'pulumi.CustomResource("aws:s3:Bucket", "b", {})',
        """
class Group(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("toy:index:Group", "group")
        Thing("b", opts=ResourceOptions(parent=self, import_="x"))
try:
    Group()
except BaseException:
    pass
""",
    ],
)
def test_nothing_is_done_before_a_refusal(folder: Path, second: str) -> None:
    """Resources that come earlier in the program aren't created either."""
    (folder / "__main__.py").write_text(
        "import pulumi\n"
        "from pulumi import ResourceOptions\n"
        f'from toy import Thing\na = Thing("a")\n{second}\n'
    )
    (folder / "cloud").mkdir()
    stack = EmbeddedStack("test", folder, env_vars={"TOY_CLOUD": str(folder / "cloud")})
    with pytest.raises(CommandError, match=r"the embedded stack does not support .*resource 'b'"):
        stack.up()
    assert not list((folder / "cloud").glob("*"))
    assert not (stack.export_stack().deployment or {})["resources"]

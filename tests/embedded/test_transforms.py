"""Transforms: functions of the program that change resources, before they are registered."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes, is_secret, plain

LABELS = """
def transform(name):
    def change(args):
        if not args.custom:
            return None
        chain = args.props.get("value") or []
        return pulumi.ResourceTransformResult({**args.props, "value": [*chain, name]}, args.opts)
    return change
"""
GROUP = """
class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("toy:index:Group", name, {}, opts)
        Thing("child", opts=ResourceOptions(parent=self, transforms=[transform("own")]))
        self.register_outputs({})
"""


def test_transforms_run_from_the_resource_to_the_stack(toy: Toy) -> None:
    """First those of the resource, then those of its parents, then those of the stack."""
    toy.program(f"""
{LABELS}{GROUP}
pulumi.runtime.register_resource_transform(transform("stack"))
Group("g", opts=ResourceOptions(transforms=[transform("parent")]))
""")
    assert changes(toy.project.preview()) == {"create": 3}
    toy.project.up()
    assert toy.project.resource("child")["inputs"]["value"] == ["own", "parent", "stack"]
    assert changes(toy.project.up()) == {"same": 3}


def test_transforms_change_options(toy: Toy) -> None:
    """Options that a transform sets have an effect, and the others are kept."""
    toy.program("""
def change(args):
    args.opts.protect = True
    args.opts.ignore_changes = ["value"]
    args.opts.additional_secret_outputs = ["password"]
    return pulumi.ResourceTransformResult(args.props, args.opts)

a = Thing("a")
b = Thing("b", value=a.generation, zone=a.password,
          opts=ResourceOptions(retain_on_delete=True, delete_before_replace=True,
                               transforms=[change]))
""")
    toy.project.up()
    resource = toy.project.resource("b")
    assert resource["protect"]
    assert resource["retainOnDelete"]
    assert resource["ignoreChanges"] == ["value"]
    assert is_secret(resource["outputs"]["password"])
    assert resource["dependencies"] == [toy.project.resource("a")["urn"]]
    assert "because it is protected" in toy.project.fails("destroy")


def test_transforms_see_secrets_and_dependencies(toy: Toy) -> None:
    """A secret stays a secret, and a dependency a dependency, whether or not it returns them."""
    toy.program("""
def look(args):
    return None

def give_back(args):
    return pulumi.ResourceTransformResult(args.props, None)

a = Thing("a")
for name, transform in {"b": look, "c": give_back}.items():
    Thing(name, secret=Output.secret("hush"), zone=a.password,
          value={"x": [a.generation]}, opts=ResourceOptions(transforms=[transform]))
""")
    assert changes(toy.project.preview()) == {"create": 4}
    toy.project.up()
    for name in ("b", "c"):
        resource = toy.project.resource(name)
        assert is_secret(resource["inputs"]["secret"])
        assert plain(resource["inputs"]["secret"]) == "hush"
        assert resource["inputs"]["value"] == {"x": [1]}
        assert resource["inputs"]["zone"] == "pw-a-1"
        assert resource["dependencies"] == [toy.project.resource("a")["urn"]]
    toy.journal()
    toy.project.destroy()
    assert toy.calls("delete")[-1] == "delete a-1"


def test_transform_that_fails_ends_the_run(toy: Toy) -> None:
    """The error has the text of the exception, and the resource isn't created."""
    toy.program("""
def fail(args):
    raise ValueError("no such zone")

Thing("a", opts=ResourceOptions(transforms=[fail]))
""")
    assert "no such zone" in toy.project.fails("up")
    assert toy.things() == []


def test_transformations_of_the_sdk_run(toy: Toy) -> None:
    """The SDK runs `transformations` itself, in the program."""
    toy.program("""
def change(args):
    return pulumi.ResourceTransformationResult({**args.props, "value": 7}, args.opts)

Thing("a", opts=ResourceOptions(transformations=[change]))
""")
    toy.project.up()
    assert toy.project.resource("a")["inputs"]["value"] == 7

"""Several dynamic providers in one program: of modules, of the program itself, with attributes."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes, is_secret

COUNTS = """
import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

class Counter(ResourceProvider):
    def __init__(self, start):
        self.start = start

    def diff(self, _id, olds, news):
        changed = olds["step"] != news["step"]
        return DiffResult(changes=changed, replaces=["step"] if changed else [])

    def create(self, props):
        value = self.start + props["step"]
        return CreateResult(f"counter-{value}", {"step": props["step"], "value": value})

class Count(Resource, module="counts", name="Count"):
    value: pulumi.Output[int]

    def __init__(self, name, start, step):
        super().__init__(Counter(start), name, {"step": step, "value": None})
"""
PROGRAM = """
from counts import Count
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult

class Adder(ResourceProvider):
    def create(self, props):
        return CreateResult("sum", {"sum": props["left"] + props["right"]})

    def update(self, _id, _olds, news):
        return UpdateResult({"sum": news["left"] + news["right"]})

class Sum(Resource):
    sum: pulumi.Output[int]

    def __init__(self, name, left, right):
        super().__init__(Adder(), name, {"left": left, "right": right, "sum": None})

thing = Thing("thing", value=STEP)
first = Count("first", 1, thing.value)
second = Count("second", 10, thing.value)
pulumi.export("sum", Sum("sum", first.value, second.value).sum)
"""


def test_each_resource_is_handled_by_its_own_provider(toy: Toy) -> None:
    """Providers of one class with different attributes are different providers."""
    toy.project.write(COUNTS, "counts.py")
    toy.program(PROGRAM.replace("STEP", "2"))
    assert changes(toy.project.preview()) == {"create": 5}
    assert toy.project.up().outputs["sum"].value == 3 + 12
    assert toy.project.resource("sum")["type"] == "pulumi-python:dynamic:Resource"
    assert toy.project.resource("first")["type"] == "pulumi-python:dynamic/counts:Count"
    assert is_secret(toy.project.resource("second")["inputs"]["__provider"])
    assert changes(toy.project.up()) == {"same": 5}
    toy.program(PROGRAM.replace("STEP", "3"))
    result = toy.project.up()
    assert changes(result) == {"update": 2, "replace": 2, "same": 1}
    assert result.outputs["sum"].value == 4 + 13
    assert changes(toy.project.destroy()) == {"delete": 5}

"""Outputs as property values."""

from __future__ import annotations

from hypothesis import given

from pulumi_embedded import output_values, values
from pulumi_embedded.values import UNKNOWN, Secret
from tests.embedded.test_values import VALUES


@given(VALUES)
def test_outputs_keep_the_value(value: object) -> None:
    """What a transform gives back unchanged is what it got."""
    sent = values.to_wire({"v": output_values.with_outputs(value)}, secrets=True)
    dependencies: set[str] = set()
    assert output_values.read(sent.fields["v"], dependencies) == value
    assert not dependencies


def test_dependencies_of_outputs_are_found() -> None:
    """Also those inside of other values. A secret output that is unknown stays both."""
    wire = values.to_wire(
        {
            "v": [
                {**output_values.OUTPUT, "value": 1, "dependencies": ["a", "b"]},
                {"x": {**output_values.OUTPUT, "secret": True, "dependencies": ["c"]}},
            ]
        },
        secrets=True,
    )
    dependencies: set[str] = set()
    found = output_values.read(wire.fields["v"], dependencies)
    assert found == [1, {"x": Secret(UNKNOWN)}]
    assert dependencies == {"a", "b", "c"}

"""A failed check prints the value of its property, secrets included."""

from __future__ import annotations

import pytest

from tests.embedded.toy_project import Toy


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('"hello"', "{hello}"),
        ("None", "{<nil>}"),
        (
            "[100000, 1500000, -1e21, 0.25, 0.00001]",
            "{[{100000} {1.5e+06} {-1e+21} {0.25} {1e-05}]}",
        ),
        ('Output.secret("hush-hush")', "{&{{hush-hush}}}"),
        ("Output.secret(True)", "{&{{true}}}"),
        ('Output.secret({"k": ["v", 1]})', "{&{{map[k:{[{v} {1}]}]}}}"),
        (
            '{"z": None, "l": [1.5, Output.secret(3)], "b": True}',
            "{map[b:{true} l:{[{1.5} {&{{3}}}]} z:{<nil>}]}",
        ),
    ],
)
def test_failed_check_prints_the_value_of_its_property(toy: Toy, value: str, shown: str) -> None:
    """A secret is printed as plain text. A failure without a property has no value.

    Each is one line, and nothing is created.
    """
    toy.program(f'Thing("a", value={value}, mode="refused")')
    text = toy.project.fails("up")
    where = "error: pulumi-python:dynamic/toy:Thing resource 'a'"
    assert f"{where}: property value value {shown} has a problem: REASON" in text
    assert f"{where} has a problem: ANOTHER" in text
    assert toy.things() == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a.generation", "output<string>{}"),
        ("Output.secret(a.generation)", "{&{output<string>{}}}"),
    ],
)
def test_failed_check_of_an_unknown_value_prints_no_value(toy: Toy, value: str, shown: str) -> None:
    """Unknown values exist in previews only. A secret one prints the same."""
    toy.program(f'a = Thing("a")\nThing("b", value={value}, mode="refused")')
    text = toy.project.fails("preview")
    assert f"property value value {shown} has a problem: REASON" in text

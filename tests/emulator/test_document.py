"""docs/emulator.md is complete: every route, every kind of fault, all of `Emulator`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from starlette.routing import Route

from parallel_provider.emulator import control, control_models
from parallel_provider.testing import Emulator

DOCUMENT = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()


def _first_cells() -> list[str]:
    return re.findall(r"^\| (`[^|]+`) \|", DOCUMENT, re.MULTILINE)


def test_every_control_route_is_documented() -> None:
    """The document has the same methods and paths as the emulator."""
    documented = {cell.strip("`") for cell in _first_cells() if " /_emulator/" in cell}
    assert documented == {
        f"{method} {route.path}"
        for route in control.router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }


def test_every_field_of_a_control_request_is_documented() -> None:
    """Each field of each body stands in the document."""
    bodies = [
        model
        for model in vars(control_models).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
    ]
    assert control_models.Fault in bodies
    fields = {name for body in bodies for name in body.model_fields}
    assert {name for name in fields if f"`{name}`" not in DOCUMENT} == set()


def test_every_kind_of_fault_is_documented() -> None:
    """Each kind stands in the table of faults."""
    kinds = set(get_args(control_models.FaultKind))
    assert kinds <= {cell.strip("`") for cell in _first_cells()}


def test_everything_that_emulator_has_is_documented() -> None:
    """Each public name stands in the table."""
    table = " ".join(cell for cell in _first_cells())
    names = {name for name in vars(Emulator) if not name.startswith("_")}
    names |= {"url", "access_token", "org_id", "pid"}
    assert {name for name in names if not re.search(rf"\b{name}\b", table)} == set()


@pytest.mark.parametrize(
    ("method", "body"),
    [
        (Emulator.set_org, control_models.OrgPatch),
        (Emulator.add_org, control_models.NewOrg),
        (Emulator.add_user, control_models.NewUser),
        (Emulator.decide_sign_in, control_models.SignInDecision),
        (Emulator.set_clock, control_models.ClockOffset),
        (Emulator.set_settings, control_models.Settings),
        (Emulator.mint_token, control_models.NewToken),
        (Emulator.add_fault, control_models.Fault),
    ],
)
def test_method_of_emulator_takes_the_fields_of_its_request(
    method: Callable[..., object], body: type[BaseModel]
) -> None:
    """Every field can be set from Python, by the same name."""
    parameters = set(inspect.signature(method).parameters) - {"self", "user_code"}
    assert parameters == set(body.model_fields)

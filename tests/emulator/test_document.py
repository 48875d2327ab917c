"""docs/emulator.md is complete: every route, every kind of fault, all of `Emulator`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from starlette.routing import Route

from parallel_provider.emulator import control, faults
from parallel_provider.testing import Emulator
from parallel_provider.testing.emulator_state import FaultKind

DOCUMENT = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()


def _first_cells() -> list[str]:
    return re.findall(r"^\| (`[^|]+`) \|", DOCUMENT, re.MULTILINE)


def test_every_control_route_is_documented() -> None:
    """With its method and its path, and no other."""
    documented = {cell.strip("`") for cell in _first_cells() if " /_emulator/" in cell}
    assert documented == {
        f"{method} {route.path}"
        for route in control.router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }


def test_every_field_of_a_control_request_is_documented() -> None:
    """Also those of faults."""
    requests: list[type[BaseModel]] = [
        control.OrganizationChange,
        control.NewOrganization,
        control.ClockChange,
        control.SettingsChange,
        control.NewToken,
        control.SignInDecision,
        faults.Fault,
    ]
    fields = {name for request in requests for name in request.model_fields}
    assert {name for name in fields if f"`{name}`" not in DOCUMENT} == set()


def test_every_kind_of_fault_is_documented() -> None:
    """The emulator, its client in Python and the document name the same ones."""
    kinds = set(get_args(FaultKind))
    assert set(get_args(faults.Kind)) == kinds
    assert kinds <= {cell.strip("`") for cell in _first_cells()}


def test_everything_that_emulator_has_is_documented() -> None:
    """Each public name stands in the table."""
    table = " ".join(cell for cell in _first_cells())
    names = {name for name in vars(Emulator) if not name.startswith("_")}
    names |= {"url", "access_token", "org_id", "pid"}
    assert {name for name in names if not re.search(rf"\b{name}\b", table)} == set()

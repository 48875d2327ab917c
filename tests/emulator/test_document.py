"""docs/emulator.md is complete: every route, every kind of fault, all of `Emulator`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

from fastapi.routing import APIRoute
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
    fields = {
        field
        for route in control.router.routes
        if isinstance(route, APIRoute) and route.body_field
        for field in get_type_hints(route.body_field.field_info.annotation)
    }
    assert {"token_lifetime_seconds", "size_bytes"} <= fields
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

"""Helpers of the BalanceTopUp scenarios."""

from __future__ import annotations

from typing import Any

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import declare


def top_up(project: Project, arguments: str, *, name: str = "credit", options: str = "") -> None:
    """Declare one top-up."""
    declare(
        project,
        f"""
        parallel.BalanceTopUp({name!r}, {arguments}, opts=pulumi.ResourceOptions({options}))
        """,
    )


def allow(project: Project, cents: int) -> None:
    """Set the highest amount of one charge."""
    project.config("parallel:maxTopUpCents", str(cents))


def amounts(emulator: Emulator) -> list[int]:
    """Return the amounts that were really charged."""
    return [charge["amount_cents"] for charge in emulator.state()["charges"]]


def outputs(project: Project, name: str = "credit") -> dict[str, Any]:
    """Return the top-up's outputs."""
    found: dict[str, Any] = project.resource(name)["outputs"]
    return found

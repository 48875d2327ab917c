"""`project` of the scenarios: on both engines, with the emulator, and checked for leaks."""

import pytest

from tests.native.doors import Door
from tests.scenarios.conftest import bare_project, engine, project

__all__ = ["bare_project", "engine", "project"]


@pytest.fixture
def door() -> Door:
    """Return the door of these tests. Their faults and kills are those of the dynamic provider."""
    return "dynamic"

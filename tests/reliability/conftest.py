"""`project` of the scenarios: on both engines, with the emulator, and checked for leaks."""

import pytest

from tests.forked import forked
from tests.native.providers import ProviderKind
from tests.scenarios.conftest import bare_project, engine, project

__all__ = ["bare_project", "engine", "forked", "project"]


@pytest.fixture
def provider_kind() -> ProviderKind:
    """Return the provider of these tests, for whose calls their faults and kills are made."""
    return "dynamic"

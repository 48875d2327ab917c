"""Fixtures of the tests of examples: `project` runs each test on both engines."""

import pytest

from tests.engines import engine, project
from tests.examples.pipeline_platforms import PLATFORMS, Platform
from tests.forked import forked

__all__ = ["engine", "forked", "project"]


@pytest.fixture
def workflow(platform: str, variant: str) -> Platform:
    """Read one of the workflows."""
    return PLATFORMS[platform](variant)

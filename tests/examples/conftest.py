"""Fixtures of the tests of examples: `project` runs each test on both engines."""

from tests.engines import engine, project
from tests.forked import forked

__all__ = ["engine", "forked", "project"]

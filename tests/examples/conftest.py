"""Fixtures of the tests of examples: `project` runs each test on both engines."""

from tests.engines import engine, project

__all__ = ["engine", "project"]

"""What the tests of examples share: `project` runs each of them on both engines."""

from tests.engines import engine, project

__all__ = ["engine", "project"]

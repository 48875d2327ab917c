"""`project` runs a program on both engines."""

from tests.engines import engine, project

__all__ = ["engine", "project"]

"""`project` runs a program on both engines."""

from tests.engines import engine, project
from tests.forked import forked

__all__ = ["engine", "forked", "project"]

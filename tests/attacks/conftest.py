"""`engine` of the scenarios, and their forked processes."""

from tests.engines import engine
from tests.forked import forked

__all__ = ["engine", "forked"]

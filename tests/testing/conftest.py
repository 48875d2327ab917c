"""The embedded stack is compared with the real engine, test by test."""

from tests.engines import engine, project

__all__ = ["engine", "project"]

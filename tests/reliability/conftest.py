"""`project` of the scenarios: on both engines, with the emulator, and checked for leaks."""

from tests.scenarios.conftest import bare_project, engine, project

__all__ = ["bare_project", "engine", "project"]

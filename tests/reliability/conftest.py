"""`project` is that of the scenarios: on both engines, against the emulator, searched for leaks."""

from tests.scenarios.conftest import bare_project, engine, project

__all__ = ["bare_project", "engine", "project"]

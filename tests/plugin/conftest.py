"""A plugin that is served in this process, and what it says to the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.plugin.calls import Plugin


@pytest.fixture
def plugin(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """Return a configured plugin, signed in to the emulator by the environment."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    with Plugin({}) as plugin:
        plugin.configure({})
        yield plugin


@pytest.fixture
def app_id(emulator: Emulator) -> str:
    """Return the app that every organization has."""
    return emulator.state()["apps"][0]["app_id"]

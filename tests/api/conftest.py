"""A client of the emulator that doesn't wait between attempts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parallel_provider.api import AccountApi
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import api_at


@pytest.fixture
def api(emulator: Emulator) -> Iterator[AccountApi]:
    """Return the client."""
    with api_at(emulator.url, emulator.access_token) as client:
        yield client

"""What the tests of credentials share."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.credentials.sign_ins import SignIn


@pytest.fixture
def signed_in(emulator: Emulator, tmp_path: Path) -> SignIn:
    """Give a fresh sign-in to the emulator's first organization, in a file of its own."""
    sign_in = SignIn(emulator, tmp_path / "config" / "auth.json")
    sign_in.path.parent.mkdir()
    sign_in.sign_in()
    return sign_in

"""Pulumi's own engine, for tests that start it themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

needs_pulumi = pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")


def pulumi_environment(folder: Path) -> dict[str, str]:
    """Return the variables with which everything that Pulumi writes is in this folder."""
    backend = folder / "state"
    backend.mkdir(exist_ok=True)
    return {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

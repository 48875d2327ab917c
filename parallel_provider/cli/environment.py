"""The settings of the commands."""

from __future__ import annotations

import os

from parallel_provider.settings import Settings


def load_settings() -> Settings:
    """Read the settings from the environment. The commands belong to no stack."""
    return Settings.load(lambda _key: None, os.environ)

"""What the commands are told by their environment."""

from __future__ import annotations

import os

from parallel_provider.settings import Settings


def load_settings() -> Settings:
    """Read the environment; the command line knows no stack, so there is no stack configuration."""
    return Settings.load(lambda _key: None, os.environ)

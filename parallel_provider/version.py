"""The package's version, where reading it costs nothing."""

from __future__ import annotations

__version__ = "0.1.0"

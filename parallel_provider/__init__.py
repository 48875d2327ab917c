"""Declare Parallel apps, API keys and prepaid balance in a Pulumi program."""

from __future__ import annotations

__all__: list[str] = []

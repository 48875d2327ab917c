"""Forked processes for the examples of the documents."""

from tests.forked import forked

__all__ = ["forked"]

"""Names and texts in the language of the plugin's users, who know names in camelCase."""

from __future__ import annotations

import functools

from pydantic import alias_generators

from parallel_provider.printable import line_for_user

to_camel = functools.cache(alias_generators.to_camel)
"""Returns a name in camelCase. There are few names, and each call of the engine has several."""


def line_for_engine(text: str) -> str:
    """Return a text as the engine gets it: every message, error and status passes here."""
    return line_for_user(text, to_camel)

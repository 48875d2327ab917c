"""Texts in the language of the plugin's users, who know names in camelCase."""

from __future__ import annotations

import functools
import re

from pydantic import alias_generators

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of, lifecycle_of

to_camel = functools.cache(alias_generators.to_camel)
"""Returns a name in camelCase. There are few names, and each call of the engine has several."""


def text_in_camel_case(text: str) -> str:
    """Return a text in which the names of inputs and outputs are in camelCase."""
    return _names().sub(lambda match: to_camel(match[0]), text)


@functools.cache
def _names() -> re.Pattern[str]:
    models = [
        model
        for kind in RESOURCES
        for model in (lifecycle_of(kind).inputs_type, lifecycle_of(kind).state_type)
    ]
    models += [function_of(name).inputs_type for name in FUNCTIONS]
    names = {name for model in models for name in model.model_fields if "_" in name}
    return re.compile(r"(?<!['\w])(?:" + "|".join(sorted(names)) + r")(?!\w)")

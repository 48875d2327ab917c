"""The names that programs send among a resource's inputs, since the SDK doesn't tell them.

`default_NAME` is the resource's own name, sent for a name input that the program doesn't give. A
checked input has an empty text there, which Pulumi doesn't show. `resource_name` is the resource's
own name, sent by every top-up, and by other resources if their name input may be a secret.
`organization`, `project`, `stack` and `parent_types` are sent by every top-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parallel_provider.lifecycle.declarations import Inputs, named_input
from parallel_provider.lifecycle.run import ResourceNames

RESOURCE_NAME = "resource_name"
_DEFAULT = "default_"
_NAMES = ("organization", "project", "stack", "parent_types", RESOURCE_NAME)


def names_in(
    inputs_type: type[Inputs], news: Mapping[str, Any], olds: Mapping[str, Any]
) -> ResourceNames:
    """Return what the inputs tell about a resource's names. `olds` are those of the last run."""
    given = {name: str(news[name]) for name in _NAMES if news.get(name)}
    return ResourceNames(
        name=given.pop(RESOURCE_NAME, ""),
        default_name=_default_name(named_input(inputs_type), news, olds),
        **given,
    )


def without_names(inputs_type: type[Inputs], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that the lifecycle knows."""
    default = f"{_DEFAULT}{named_input(inputs_type)}"
    return {name: value for name, value in news.items() if name not in (*_NAMES, default)}


def names_to_keep(inputs_type: type[Inputs], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names as checked inputs keep them."""
    kept = {name: news[name] for name in _NAMES if name in news}
    name_input = named_input(inputs_type)
    default = f"{_DEFAULT}{name_input}"
    if default in news:
        used = name_input is not None and news.get(name_input) is None
        kept[default] = "" if used else news[default]
    return kept


def has_secret_name(inputs_type: type[Inputs], props: Mapping[str, Any]) -> bool:
    """Return whether the name input may be a secret: then the resource's own name is sent too."""
    return named_input(inputs_type) is not None and props.get(RESOURCE_NAME) is not None


def shown_name(inputs_type: type[Inputs], props: Mapping[str, Any]) -> str | None:
    """Return the name that messages show; None if the properties have none."""
    name_input = named_input(inputs_type)
    for name in (RESOURCE_NAME, name_input, f"{_DEFAULT}{name_input}"):
        value = props.get(name) if name is not None else None
        if value is not None:
            return value if isinstance(value, str) else None
    return None


def _default_name(name_input: str | None, news: Mapping[str, Any], olds: Mapping[str, Any]) -> str:
    """Return the value that the name input gets if the program doesn't give one.

    It is the name of the last run if that was a default too. Otherwise a rename by `aliases` would
    replace the resource.
    """
    default = f"{_DEFAULT}{name_input}"
    if name_input is None or default not in news:
        return ""
    old = olds.get(name_input)
    name = old if olds.get(default) is not None and isinstance(old, str) else news[default]
    return name if isinstance(name, str) else ""

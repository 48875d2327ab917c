"""URNs of resources, and the URNs that aliases stand for.

urn:pulumi:STACK::PROJECT::TYPE_OF_PARENT$TYPE::NAME
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

ROOT_TYPE: Final = "pulumi:pulumi:Stack"
STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
PROVIDER_PREFIX: Final = "pulumi:providers:"
_PREFIX: Final = "urn:pulumi:"
_FIELDS: Final = 4


@dataclass(frozen=True)
class Namespace:
    """The stack and the project, which are part of every URN."""

    stack: str
    project: str

    def urn(self, type_: str, name: str, parent: str = "") -> str:
        """Return the URN of a resource."""
        above = qualified_type(parent) if parent else ""
        chain = f"{above}${type_}" if above and above != ROOT_TYPE else type_
        return f"{_PREFIX}{self.stack}::{self.project}::{chain}::{name}"


@dataclass(frozen=True)
class Alias:
    """An earlier URN of a resource: the whole URN, or the parts that differ from today's."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


def qualified_type(urn: str) -> str:
    """Return the type of a resource, with the types of its parents."""
    return _fields(urn)[2]


def type_of(urn: str) -> str:
    """Return the type of a resource."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """Return the name that the program gave a resource."""
    return _fields(urn)[3]


def provider_urn(reference: str) -> str:
    """Return the URN in a provider reference (`URN::ID`)."""
    return reference.rpartition("::")[0]


def provider_package(reference: str) -> str:
    """Return the package of the provider in a reference."""
    return type_of(provider_urn(reference)).removeprefix(PROVIDER_PREFIX) if reference else ""


def is_default_provider(urn: str) -> bool:
    """Say whether this is the URN of a provider that the engine has made itself."""
    name = name_of(urn)
    default = name == "default" or name.startswith("default_")
    return default and type_of(urn).startswith(PROVIDER_PREFIX)


def alias_urns(
    space: Namespace,
    *,
    name: str,
    type_: str,
    parent: str,
    aliases: Iterable[Alias],
    renamed: Mapping[str, str],
) -> list[str]:
    """List the earlier URNs of a resource, from its own aliases and from those of its parent.

    `renamed` maps the URN of each resource that was found by an alias to its earlier URN.
    """
    current = Alias(name=name, type=type_, parent=parent)
    own = [_resolved(space, alias, current, renamed) for alias in aliases]
    names = list(own)
    if parent in renamed:
        before = renamed[parent]
        names.append(_inherited(space, name, type_, parent, before))
        names += [_inherited(space, name_of(a), type_of(a), parent, before) for a in own]
    return list(dict.fromkeys(names))


def _resolved(space: Namespace, alias: Alias, current: Alias, renamed: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    # If the parent was renamed, the alias is below the parent's earlier URN.
    above = renamed.get(alias.parent, alias.parent) or current.parent
    there = Namespace(alias.stack or space.stack, alias.project or space.project)
    parent = "" if alias.no_parent else above
    return there.urn(alias.type or current.type, alias.name or current.name, parent)


def _inherited(space: Namespace, name: str, type_: str, parent: str, before: str) -> str:
    # If a child's name starts with its parent's name, its earlier name starts with the earlier one.
    own = name_of(parent)
    earlier = name_of(before) + name[len(own) :] if name.startswith(own) else name
    return space.urn(type_, earlier, before)


def _fields(urn: str) -> list[str]:
    fields = urn.split("::", _FIELDS - 1)
    if not urn.startswith(_PREFIX) or len(fields) != _FIELDS:
        raise ValueError(f"{urn!r} is no URN")
    return fields

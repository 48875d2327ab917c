"""The types of a resource's parents, which are a part of its URN."""

from __future__ import annotations

from collections.abc import Awaitable

import pulumi

_ROOT_TYPE = "pulumi:pulumi:Stack"


def parent_types(parent: pulumi.Resource | None) -> Awaitable[str | None] | None:
    """Return the types of all parents, outermost first, as in a child's URN; None without parents.

    Two resources of one stack can have the same type and name only if these types differ. This is
    no Output, since with an Output the resource would depend on its parent's other children.
    """
    return None if parent is None else _types_of(parent)


async def _types_of(parent: pulumi.Resource) -> str | None:
    urn = await parent.urn.future()
    # urn:pulumi:STACK::PROJECT::TYPES::NAME
    parts = str(urn).split("::", 3)
    types = parts[2] if len(parts) == 4 else None  # noqa: PLR2004 - as above
    return None if types == _ROOT_TYPE else types

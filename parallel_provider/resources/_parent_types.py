"""Where a resource stands: what tells it from one of its name in another component."""

from __future__ import annotations

from collections.abc import Awaitable

import pulumi

_ROOT_TYPE = "pulumi:pulumi:Stack"


def parent_types(parent: pulumi.Resource | None) -> Awaitable[str | None] | None:
    """Return the types of all parents, outermost first, as a child's URN has them; None for none.

    Two resources of one type and name in one stack differ in this, or Pulumi refuses the second.
    An Output of the URN would do too, but it would make the resource depend on its parent, and so
    on the parent's other children.
    """
    return None if parent is None else _types_of(parent)


async def _types_of(parent: pulumi.Resource) -> str | None:
    urn = await parent.urn.future()
    # urn:pulumi:STACK::PROJECT::TYPES::NAME
    parts = str(urn).split("::", 3)
    types = parts[2] if len(parts) == 4 else None  # noqa: PLR2004 - as above
    return None if types == _ROOT_TYPE else types

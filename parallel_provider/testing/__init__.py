"""For tests of Pulumi programs: the emulator, and stacks that need no Pulumi account.

`Emulator` starts the emulator and uses its control routes. `EmbeddedStack` and `Refused` are those
of `pulumi_embedded`. `local_stack` makes a stack of Pulumi itself.

Each name is imported when it is first used, so that `Emulator` doesn't import the Pulumi SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallel_provider.testing.emulator import Emulator
    from parallel_provider.testing.pulumi_stack import local_stack
    from pulumi_embedded import EmbeddedStack, Refused

__all__ = ["EmbeddedStack", "Emulator", "Refused", "local_stack"]

_MODULES = {
    "EmbeddedStack": "pulumi_embedded",
    "Emulator": "parallel_provider.testing.emulator",
    "Refused": "pulumi_embedded",
    "local_stack": "parallel_provider.testing.pulumi_stack",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)

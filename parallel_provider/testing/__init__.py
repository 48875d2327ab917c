"""For tests of Pulumi programs: a stack without the Pulumi command line, and the emulator.

`EmbeddedStack` runs any program and any dynamic provider. It uses the Pulumi SDK and its protocols,
and no other layer of this project. `Emulator` starts the emulator and uses its control routes.

Each name is imported when it is first used, so that `Emulator` doesn't import the Pulumi SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallel_provider.testing.emulator import Emulator
    from parallel_provider.testing.engine.errors import Refused
    from parallel_provider.testing.pulumi_stack import local_stack
    from parallel_provider.testing.stack import EmbeddedStack

__all__ = ["EmbeddedStack", "Emulator", "Refused", "local_stack"]

_PLACES = {
    "EmbeddedStack": "stack",
    "Emulator": "emulator",
    "Refused": "engine.errors",
    "local_stack": "pulumi_stack",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)

"""What tests of Pulumi programs need: a stack without the Pulumi command line, and an Account API.

This package knows the Pulumi SDK and its protocols, and no other layer of this project: it runs any
program and any dynamic provider. The names are loaded when they are first used, as an `Emulator`
needn't wait for Pulumi's SDK.
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

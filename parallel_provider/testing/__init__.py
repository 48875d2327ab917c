"""Tools for tests of Pulumi programs: a stack without the Pulumi command line, and an Account API.

This package imports the Pulumi SDK and no other layer of this project, so it runs any program with
any dynamic provider. Each name is imported when it is first used, so that an `Emulator` doesn't
wait for the SDK.
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

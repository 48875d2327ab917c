"""Run real Pulumi programs in tests, without the Pulumi command line.

`EmbeddedStack` has the interface of `pulumi.automation.Stack`. It runs a Pulumi Python program with
its dynamic providers and native plugins against a small engine, which is this package. It works for
any provider, and knows none.

    program process --gRPC--> services --> registration --> steps --gRPC--> provider process
                                               |              |
                                             diffs          state

`values`, `paths`, `urns`, `diffs`, `state` and `export` hold plain functions and values.
`processes`, `program`, `provider` and `services` talk to other processes. `deployment` has the
objects that all parts of one operation share. `operations` has the operations: preview, up,
refresh, destroy. `stack` is what users see.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_embedded.errors import Refused
    from pulumi_embedded.stack import EmbeddedStack

__all__ = ["EmbeddedStack", "Refused"]

_MODULES = {"EmbeddedStack": "stack", "Refused": "errors"}


def __getattr__(name: str) -> object:
    # The processes of an operation import parts of this package, and not all of Pulumi's SDK.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

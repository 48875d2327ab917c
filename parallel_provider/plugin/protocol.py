"""The messages of Pulumi's protocol, without the rest of its SDK.

`import pulumi.runtime.proto` runs all of `import pulumi`, which a plugin doesn't use and which
takes longer than everything that a plugin does need. The generated modules import only one another,
so they are loaded here as submodules of this one.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = [
    "engine_pb2",
    "engine_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
]


def _folder() -> str:
    spec = importlib.util.find_spec("pulumi")  # finds it without importing it
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the plugin needs the Python package pulumi", name="pulumi")
    return str(Path(spec.origin).parent / "runtime" / "proto")


__path__ = [_folder()]
for _name in __all__:
    importlib.import_module(f"{__name__}.{_name}")

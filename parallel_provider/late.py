"""Modules that take time to import, and that many runs don't need: imported at their first use.

    from parallel_provider.late import filelock

An `import filelock` in a function could find a `filelock.py` of the user's project. Here it is
found once, and `isolation` sees to it that this isn't the user's.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import difflib
    import tempfile

    import filelock
    import pydantic

__all__ = ["difflib", "filelock", "pydantic", "tempfile"]


def import_all() -> None:
    """Import all of the modules."""
    for name in __all__:
        globals()[name] = importlib.import_module(name)


def __getattr__(name: str) -> ModuleType:
    """Import one of the modules."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = globals()[name] = importlib.import_module(name)
    return module

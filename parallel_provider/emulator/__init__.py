"""A local Account API with sign-in, for demos and for tests.

This layer stands in for the server, so it imports nothing of the package's other layers, and
they import nothing of it but its command: no bug of the client can hide in a shared line.
It is also the only place that knows FastAPI and uvicorn (the extra `emulator`), and imports
them only when it is used.

One basename per resource, as everywhere in the package: `app.py`, `api_key.py` and `balance.py`
each hold their models, what the server does, and the routes. `device_code.py` and `tokens.py`
hold what signing in rests on, `sign_in.py` and `approval.py` its routes for programs and for
people. `traffic.py` stands before all of them: it counts, and injects the faults of `faults.py`.
`control.py` is what tests steer it by.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .application import create_app
    from .server import serve
    from .settings import Settings

__all__ = ["Settings", "create_app", "serve"]


_HOMES = {"Settings": ".settings", "create_app": ".application", "serve": ".server"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module holds can be anything
    """Import the server's own dependencies only when one of the public names is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)

"""A local Account API with sign-in, for demos and for tests.

It stands in for the server and shares no code with the client, so that no bug is shared. It
imports none of the package's other layers. Only the command line and `testing` import it.

Only this package needs FastAPI and uvicorn (the extra `emulator`), and imports them when it is
used. `control_models.py` and `command.py` don't import them.

- `app.py`, `api_key.py`, `balance.py`: the API's routes, one file per resource; `organization.py`
  has the data behind them.
- `sign_in.py`: the sign-in's routes for programs; `oauth.py` has its device codes and tokens.
- `pages.py`: the pages for people, which are the approval of a sign-in and the overview.
- `control.py`: the control routes for tests; `control_models.py` has their bodies and answers.
- `traffic.py`: the middleware that counts requests and applies the faults of `faults.py`.
- `security.py`: which requests are answered at all; `errors.py`: how others are refused.
- `server.py`: the application and its process; `state.py`: all that it remembers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control_models import Settings
    from .server import create_app, serve

__all__ = ["Settings", "create_app", "serve"]


_MODULES = {"Settings": ".control_models", "create_app": ".server", "serve": ".server"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute
    """Import FastAPI and uvicorn only when a public name needs them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)

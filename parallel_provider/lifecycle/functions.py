"""The functions getBalance, getApps and getApp. They read, and change nothing.

API: GET /service/v1/balance, GET /service/v1/apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from parallel_provider.api import AppItem, Balance
from parallel_provider.lifecycle.declarations import Inputs, Problem, Props
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.run import Run


@dataclass(frozen=True)
class Function:
    """A function: its inputs, and the call that returns its result as a JSON-like dict."""

    inputs_type: type[Inputs]
    call: Callable[[Run, Any], dict[str, Any]]


class NoInputs(Inputs):
    """A function without inputs has none."""


class GetAppInputs(Inputs):
    """Which app to find: exactly one of the two is given."""

    app_name: str | None = Field(default=None, description="The app's exact name.")
    app_id: str | None = Field(default=None, description="The app's id.")

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:  # noqa: ARG003 - of the base
        """Refuse both, and none of the two."""
        if ("app_name" in given) == ("app_id" in given):
            yield Problem("app_name", "or app_id must be given, and only one of them")


def get_balance(run: Run, inputs: NoInputs) -> dict[str, Any]:  # noqa: ARG001 - has none
    """Return the prepaid balance as it is now."""
    balance: Balance = run.api.get_balance()
    return {
        "org_id": balance.org_id,
        "credit_balance_cents": balance.credit_balance_cents,
        "pending_debit_balance_cents": balance.pending_debit_balance_cents,
        "will_invoice": balance.will_invoice,
    }


def get_apps(run: Run, inputs: NoInputs) -> dict[str, Any]:  # noqa: ARG001 - has none
    """Return all apps of the organization, in the server's order."""
    return {"apps": [_app(app) for app in run.apps.all()]}


def get_app(run: Run, inputs: GetAppInputs) -> dict[str, Any]:
    """Return the one app of this name or id. Raises LifecycleError for none and for several."""
    # The server writes ids in lower case.
    app_id = inputs.app_id.lower() if inputs.app_id is not None else None
    wanted = f"named {inputs.app_name!r}" if app_id is None else f"with the id {inputs.app_id!r}"
    found = [
        app
        for app in run.apps.all()
        if (app.app_id == app_id if app_id is not None else app.app_name == inputs.app_name)
    ]
    if not found:
        raise LifecycleError(
            f"there is no app {wanted} in the organization: `parallel-provider apps` lists those "
            "that are"
        )
    if len(found) > 1:
        ids = ", ".join(sorted(app.app_id for app in found))
        raise LifecycleError(f"{len(found)} apps are {wanted} ({ids}): say which one with app_id")
    return _app(found[0])


FUNCTIONS = {
    "getApp": Function(GetAppInputs, get_app),
    "getApps": Function(NoInputs, get_apps),
    "getBalance": Function(NoInputs, get_balance),
}


def _app(app: AppItem) -> dict[str, Any]:
    return {
        "app_id": app.app_id,
        "app_name": app.app_name,
        "org_id": app.org_id,
        "org_name": app.org_name,
    }

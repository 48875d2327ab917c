"""The functions getBalance, getApps and getApp. They read, and change nothing.

API: GET /service/v1/balance, GET /service/v1/apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from parallel_provider.api import Balance
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.declare import Declared, Inputs, Problem, Props
from parallel_provider.lifecycle.run import INCOMPLETE, Run
from parallel_provider.model import Model
from parallel_provider.printable import field_name


@dataclass(frozen=True)
class Function:
    """A function: its inputs, its result, and the call."""

    inputs_type: type[Inputs]
    result_type: type[Model]
    call: Callable[[Run, Any], Model]


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
            other = field_name("app_id")
            yield Problem("app_name", f"or {other} must be given, and only one of them")


class ExistingApp(Declared):
    """An app of an organization."""

    app_id: str = Field(description="The app's id.")
    app_name: str = Field(description="The app's name.")
    org_id: str = Field(description="The organization's id.")
    org_name: str = Field(description="The organization's name.")


class ExistingApps(Declared):
    """All apps of an organization."""

    apps: tuple[ExistingApp, ...] = Field(description="The apps, in the server's order.")


def get_balance(run: Run, inputs: NoInputs) -> Balance:  # noqa: ARG001 - has none
    """Read the organization's prepaid balance."""
    return run.api.get_balance()


def get_apps(run: Run, inputs: NoInputs) -> ExistingApps:  # noqa: ARG001 - has none
    """List all apps of the organization, also those that Pulumi doesn't manage."""
    if not run.apps.is_complete():
        run.messages.warn(f"Apps may be missing here: {INCOMPLETE}")
    return ExistingApps(apps=tuple(ExistingApp(**dict(app)) for app in run.apps.all()))


def get_app(run: Run, inputs: GetAppInputs) -> ExistingApp:
    """Find the one app of this name or id. It is an error if there is none, or several."""
    if inputs.app_id is not None:
        return ExistingApp(**dict(run.apps.require(inputs.app_id.lower())))
    found = run.apps.named(inputs.app_name or "")
    if not found:
        raise LifecycleError(
            f"there is no app named {inputs.app_name!r} in the organization: `parallel-provider "
            "apps` lists those that are"
        )
    if len(found) > 1:
        ids = ", ".join(sorted(app.app_id for app in found))
        raise LifecycleError(
            f"{len(found)} apps are named {inputs.app_name!r} ({ids}): say which one with "
            f"{field_name('app_id')}"
        )
    return ExistingApp(**dict(found[0]))


FUNCTIONS = {
    "getApp": Function(GetAppInputs, ExistingApp, get_app),
    "getApps": Function(NoInputs, ExistingApps, get_apps),
    "getBalance": Function(NoInputs, Balance, get_balance),
}

"""get_app: one app of the organization, by its name or its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from parallel_provider.resources._data_source import ask, ask_output, fields_of, mocked

if TYPE_CHECKING:
    from parallel_provider.api import AppItem


@dataclass(frozen=True)
class GetAppResult:
    """An app, and whose it is."""

    app_id: str
    app_name: str
    org_id: str
    org_name: str

    @classmethod
    def of(cls, app: AppItem) -> GetAppResult:
        """Take over what the API says."""
        return cls(
            app_id=app.app_id, app_name=app.app_name, org_id=app.org_id, org_name=app.org_name
        )


def get_app(*, app_name: str | None = None, app_id: str | None = None) -> GetAppResult:
    """Find the one app of this name, or of this id; exactly one of the two is to be given.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError when there is none, or when
    several have the name.
    """
    if (app_name is None) == (app_id is None):
        raise pulumi.RunError("get_app: give either app_name or app_id")
    arguments = {"app_name": app_name} if app_id is None else {"app_id": app_id}
    answer = mocked("getApp", arguments)
    if answer is not None:
        return GetAppResult(**fields_of(GetAppResult, answer))
    wanted = f"named {app_name!r}" if app_name is not None else f"with the id {app_id!r}"
    # As the server writes ids.
    app_id = app_id.lower() if app_id is not None else None

    apps = ask(
        f"finding the app {wanted}",
        lambda run: [
            app for app in run.apps.all() if app_name == app.app_name or app_id == app.app_id
        ],
    )
    if not apps:
        raise pulumi.RunError(
            f"get_app: there is no app {wanted} in the organization: `parallel-provider apps` "
            "lists those that are"
        )
    if len(apps) > 1:
        ids = ", ".join(sorted(app.app_id for app in apps))
        raise pulumi.RunError(
            f"get_app: {len(apps)} apps are {wanted} ({ids}): say which one with app_id"
        )
    return GetAppResult.of(apps[0])


def get_app_output(
    *,
    app_name: pulumi.Input[str] | None = None,
    app_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[GetAppResult]:
    """Find one app by its name or its id, as an output. API: GET /service/v1/apps."""
    return ask_output({"app_name": app_name, "app_id": app_id}, get_app)

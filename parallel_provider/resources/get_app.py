"""get_app: one app of the organization, by its name or its id."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from parallel_provider.resources._data_source import ask_output, fields_of, invoke


@dataclass(frozen=True)
class GetAppResult:
    """An app, and whose it is."""

    app_id: str
    app_name: str
    org_id: str
    org_name: str


def get_app(*, app_name: str | None = None, app_id: str | None = None) -> GetAppResult:
    """Find the one app of this name, or of this id; exactly one of the two is to be given.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError when there is none, or when
    several have the name.
    """
    if (app_name is None) == (app_id is None):
        raise pulumi.RunError("get_app: give either app_name or app_id")
    arguments = {"app_name": app_name} if app_id is None else {"app_id": app_id}
    wanted = f"named {app_name!r}" if app_id is None else f"with the id {app_id!r}"
    answer = invoke("getApp", f"finding the app {wanted}", arguments)
    return GetAppResult(**fields_of(GetAppResult, answer))


def get_app_output(
    *,
    app_name: pulumi.Input[str] | None = None,
    app_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[GetAppResult]:
    """Find one app by its name or its id, as an output. API: GET /service/v1/apps."""
    return ask_output({"app_name": app_name, "app_id": app_id}, get_app)

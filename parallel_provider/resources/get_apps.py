"""get_apps: all apps of the organization."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from parallel_provider.resources._data_source import ask_output, fields_of, invoke
from parallel_provider.resources.get_app import GetAppResult


@dataclass(frozen=True)
class GetAppsResult:
    """All apps, in the server's order."""

    apps: list[GetAppResult]


def get_apps() -> GetAppsResult:
    """List all apps of the organization, also those that Pulumi doesn't manage.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError.
    """
    answer = invoke("getApps", "listing the apps", {})
    return GetAppsResult(
        apps=[GetAppResult(**fields_of(GetAppResult, app)) for app in answer.get("apps") or []]
    )


def get_apps_output() -> pulumi.Output[GetAppsResult]:
    """List all apps of the organization, as an output. API: GET /service/v1/apps."""
    return ask_output({}, get_apps)

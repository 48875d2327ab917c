"""get_apps: all apps of the organization."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from parallel_provider.resources._data_source import ask, ask_output, fields_of, mocked
from parallel_provider.resources.get_app import GetAppResult


@dataclass(frozen=True)
class GetAppsResult:
    """All apps, in the server's order."""

    apps: list[GetAppResult]


def get_apps() -> GetAppsResult:
    """List all apps of the organization, also those that Pulumi doesn't manage.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError.
    """
    answer = mocked("getApps", {})
    if answer is not None:
        return GetAppsResult(
            apps=[GetAppResult(**fields_of(GetAppResult, app)) for app in answer.get("apps") or []]
        )
    apps = ask("listing the apps", lambda run: run.apps.all())
    return GetAppsResult(apps=[GetAppResult.of(app) for app in apps])


def get_apps_output() -> pulumi.Output[GetAppsResult]:
    """List all apps of the organization, as an output. API: GET /service/v1/apps."""
    return ask_output({}, get_apps)

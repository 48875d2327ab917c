"""Apps: `GET` and `POST /service/v1/apps`, `DELETE /service/v1/apps/{app_id}`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from .control_models import Text
from .refusals import allowed_to, not_found
from .state import App, ServerState, State, User


class AppItem(BaseModel):
    """An app in the list of apps."""

    app_name: str
    org_name: str
    app_id: str
    org_id: str


class GetAppsForOrgResponseModel(BaseModel):
    """All apps of the organization."""

    apps: list[AppItem]


class CreateAppRequestModel(BaseModel):
    """Body of a request for a new app."""

    app_name: Text


class CreateAppResponseModel(BaseModel):
    """The id of a new app."""

    app_id: str


router = APIRouter(prefix="/service/v1/apps", tags=["Apps"])


def find_app(state: ServerState, caller: User, app_id: UUID) -> App:
    """Return an app of the caller's organization.

    Raises a 404 if it has no such app, or if the settings hide it from this member.
    """
    app = caller.organization.apps.get(str(app_id))
    hides = state.settings["members_get_404"]
    if app is None or (hides and not _is_listed(state, caller, app)):
        raise not_found("App")
    return app


def _is_listed(state: ServerState, caller: User, app: App) -> bool:
    """Tell whether an app is in the list of this user. A setting makes a member's list wider."""
    own_only = caller.role == "member" and state.settings["members_list_own_apps"]
    return app.created_by is caller or not own_only


@router.get("")
async def list_apps(
    caller: Annotated[User, Depends(allowed_to("apps:read"))], state: State
) -> GetAppsForOrgResponseModel:
    """List all apps of the organization, in one answer."""
    organization = caller.organization
    return GetAppsForOrgResponseModel(
        apps=[
            AppItem(
                app_id=app.app_id,
                app_name=app.app_name,
                org_id=organization.org_id,
                org_name=organization.org_name,
            )
            for app in organization.apps.values()
            if _is_listed(state, caller, app)
        ]
    )


@router.post("")
async def create_app(
    caller: Annotated[User, Depends(allowed_to("apps:create"))],
    request: CreateAppRequestModel,
) -> CreateAppResponseModel:
    """Create an app. A second one of the same name is another app."""
    app = caller.organization.add_app(request.app_name, created_by=caller)
    return CreateAppResponseModel(app_id=app.app_id)


@router.delete("/{app_id}", response_model=None)
async def delete_app(
    caller: Annotated[User, Depends(allowed_to("apps:delete"))],
    state: State,
    app_id: UUID,
) -> dict[str, str]:
    """Delete an app and revoke its keys. Members can delete the apps that they created."""
    organization = caller.organization
    app = find_app(state, caller, app_id)
    if caller.role == "member" and app.created_by is not caller:
        raise HTTPException(403, "Only its creator or an administrator can delete this app")
    for key in organization.keys.values():
        if key.app_id == app.app_id and key.revoked_at is None:
            key.revoked_at = int(state.now())
    del organization.apps[app.app_id]
    return {}

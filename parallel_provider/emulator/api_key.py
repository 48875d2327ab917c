"""API keys: `POST /service/v1/apps/{app_id}/keys`, `DELETE …/keys/{api_key_id}`."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from .app import find_app
from .control_models import Text
from .refusals import allowed_to, not_found
from .state import ApiKey, State, User


class CreateApiKeyRequestModel(BaseModel):
    """Body of a request for a new key."""

    api_key_name: Text


class CreateKeyResponse(BaseModel):
    """A new key. Only this answer ever contains the raw key."""

    api_key_id: str
    api_key_name: str
    app_id: str
    app_name: str
    created_by_user_id: str
    created_by_user_email: str
    display_value: str
    raw_api_key: str = Field(json_schema_extra={"format": "password", "writeOnly": True})
    created_at: int


router = APIRouter(prefix="/service/v1/apps/{app_id}/keys", tags=["Keys"])


@router.post("")
async def create_key(
    caller: Annotated[User, Depends(allowed_to("keys:create"))],
    state: State,
    app_id: UUID,
    request: CreateApiKeyRequestModel,
) -> CreateKeyResponse:
    """Create a key. Its raw key is in this answer only; the emulator keeps a hash."""
    app = find_app(state, caller, app_id)
    raw_api_key = secrets.token_urlsafe(30)
    key = ApiKey(
        api_key_id=str(uuid.uuid4()),
        api_key_name=request.api_key_name,
        app_id=app.app_id,
        created_by=caller,
        created_at=int(state.now()),
        raw_api_key_sha256=hashlib.sha256(raw_api_key.encode()).hexdigest(),
    )
    caller.organization.keys[key.api_key_id] = key
    return CreateKeyResponse(
        api_key_id=key.api_key_id,
        api_key_name=key.api_key_name,
        app_id=app.app_id,
        app_name=app.app_name,
        created_by_user_id=caller.user_id,
        created_by_user_email=caller.user_email,
        display_value=f"...{raw_api_key[-4:]}",
        raw_api_key=raw_api_key,
        created_at=key.created_at,
    )


@router.delete("/{api_key_id}", response_model=None)
async def delete_key(
    caller: Annotated[User, Depends(allowed_to("keys:delete"))],
    state: State,
    app_id: UUID,
    api_key_id: str,
) -> dict[str, str]:
    """Revoke a key. Members can revoke the keys that they created, administrators all keys."""
    find_app(state, caller, app_id)
    key = caller.organization.keys.get(api_key_id)
    if key is None or key.app_id != str(app_id) or key.revoked_at is not None:
        raise not_found("API key")
    if caller.role == "member" and key.created_by is not caller:
        if state.settings["members_get_404"]:
            raise not_found("API key")
        raise HTTPException(403, "Only its creator or an administrator can revoke this API key")
    key.revoked_at = int(state.now())
    return {}

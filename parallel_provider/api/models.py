"""What the Account API answers, by the field names of its OpenAPI file.

Unknown fields are ignored, so that the server may add some; a required field that is missing is
an error that names it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# An id or a name that is there but empty would be taken for a real one later on.
Text = Annotated[str, Field(min_length=1)]


class ApiModel(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class AppItem(ApiModel):
    """An app, as GET /service/v1/apps lists it."""

    app_id: Text
    app_name: str
    org_id: Text
    org_name: str


class AppList(ApiModel):
    """The answer of GET /service/v1/apps."""

    apps: list[AppItem]


class CreatedApp(ApiModel):
    """The answer of POST /service/v1/apps."""

    app_id: Text


class CreatedApiKey(ApiModel):
    """The answer of POST /service/v1/apps/{app_id}/keys, the only place of the raw key.

    `created_at` is epoch seconds, by the server's clock.
    """

    api_key_id: Text
    api_key_name: str
    app_id: Text
    app_name: str
    created_by_user_id: str
    created_by_user_email: str
    display_value: str
    raw_api_key: Annotated[SecretStr, Field(min_length=1)]
    created_at: int


class Balance(ApiModel):
    """The answer of GET /service/v1/balance and of POST /service/v1/balance/add, in US cents.

    Both amounts are 0 for an organization that pays by invoice (`will_invoice`).
    """

    org_id: Text
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool

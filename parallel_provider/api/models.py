"""What the Account API answers, by the field names of its OpenAPI file.

Unknown fields are ignored, so that the server may add some; a required field that is missing is
an error that names it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from parallel_provider.typed import SecretStr, require_text

# An id or a name that is there but empty would be taken for a real one later on.
Text = Annotated[str, msgspec.Meta(min_length=1)]


class ApiModel(msgspec.Struct, frozen=True):
    """An answer, or a part of one."""


class AppItem(ApiModel, frozen=True, kw_only=True):
    """An app, as GET /service/v1/apps lists it."""

    app_id: Text
    app_name: str
    org_id: Text
    org_name: str


class AppList(ApiModel, frozen=True, kw_only=True):
    """The answer of GET /service/v1/apps."""

    apps: list[AppItem]


class CreatedApp(ApiModel, frozen=True, kw_only=True):
    """The answer of POST /service/v1/apps."""

    app_id: Text


class CreatedApiKey(ApiModel, frozen=True, kw_only=True):
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
    raw_api_key: SecretStr
    created_at: int

    def __post_init__(self) -> None:
        require_text(raw_api_key=self.raw_api_key)


class Balance(ApiModel, frozen=True, kw_only=True):
    """The answer of GET /service/v1/balance and of POST /service/v1/balance/add, in US cents.

    Both amounts are 0 for an organization that pays by invoice (`will_invoice`).
    """

    org_id: Text
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool

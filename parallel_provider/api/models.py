"""What the Account API answers, by the field names of its OpenAPI file.

Unknown fields are ignored, so that the server may add some; a required field that is missing is
an error that names it. What can't be used later is refused here, where it arrives: an id that
names another path, a text that no wire can carry, a number that isn't one.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, ClassVar

import msgspec
from pydantic import SecretStr

from parallel_provider.typed import require_text

# An id or a name that is there but empty would be taken for a real one later on.
Text = Annotated[str, msgspec.Meta(min_length=1)]

_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
# The end of the year 9999, which is as far as times can be written.
_LAST_SECOND = 253_402_300_799
# Beyond it, a JSON number isn't exact: the engine reads all of them as floats.
_LARGEST_EXACT = 2**53


class ApiModel(msgspec.Struct, frozen=True):
    """An answer, or a part of one. `id_field` names the id of what a request has created."""

    id_field: ClassVar[str | None] = None

    @property
    def org_ids(self) -> set[str]:
        """The organizations that the answer says it is about; empty where it says nothing."""
        return set()


class AppItem(ApiModel, frozen=True, kw_only=True):
    """An app, as GET /service/v1/apps lists it."""

    app_id: Text
    app_name: str
    org_id: Text
    org_name: str

    def __post_init__(self) -> None:
        require_ids(app_id=self.app_id, org_id=self.org_id)
        require_utf8(app_name=self.app_name, org_name=self.org_name)


class AppList(ApiModel, frozen=True, kw_only=True):
    """The answer of GET /service/v1/apps."""

    apps: list[AppItem]

    @property
    def org_ids(self) -> set[str]:
        """The apps' organizations."""
        return {app.org_id for app in self.apps}


class CreatedApp(ApiModel, frozen=True, kw_only=True):
    """The answer of POST /service/v1/apps."""

    id_field: ClassVar[str | None] = "app_id"

    app_id: Text

    def __post_init__(self) -> None:
        require_ids(app_id=self.app_id)


class CreatedApiKey(ApiModel, frozen=True, kw_only=True):
    """The answer of POST /service/v1/apps/{app_id}/keys, the only place of the raw key.

    `created_at` is epoch seconds, by the server's clock.
    """

    id_field: ClassVar[str | None] = "api_key_id"

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
        require_ids(api_key_id=self.api_key_id, app_id=self.app_id)
        require_text(raw_api_key=self.raw_api_key)
        require_utf8(
            api_key_name=self.api_key_name,
            app_name=self.app_name,
            created_by_user_id=self.created_by_user_id,
            created_by_user_email=self.created_by_user_email,
            display_value=self.display_value,
            raw_api_key=self.raw_api_key.get_secret_value(),
        )
        if not 0 <= self.created_at <= _LAST_SECOND:
            raise ValueError("created_at isn't a time in epoch seconds")


class Balance(ApiModel, frozen=True, kw_only=True):
    """The answer of GET /service/v1/balance and of POST /service/v1/balance/add, in US cents.

    Both amounts are 0 for an organization that pays by invoice (`will_invoice`).
    """

    org_id: Text
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool

    @property
    def org_ids(self) -> set[str]:
        """Whose balance it is."""
        return {self.org_id}

    def __post_init__(self) -> None:
        require_ids(org_id=self.org_id)
        require_amounts(
            credit_balance_cents=self.credit_balance_cents,
            pending_debit_balance_cents=self.pending_debit_balance_cents,
        )


def is_id(value: object) -> bool:
    """Say whether a value is an id that can stand in a URL's path and name nothing else there."""
    return isinstance(value, str) and bool(_ID.fullmatch(value)) and bool(value.strip("."))


def require_ids(**ids: str) -> None:
    """Refuse what can't be an id, by name."""
    for name, value in ids.items():
        if not is_id(value):
            raise ValueError(f"{name} isn't an id of letters, digits and .-_~ alone")


def require_utf8(**texts: str) -> None:
    """Refuse texts that can't be written as UTF-8, by name: JSON may hold half a character."""
    for name, value in texts.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{name} holds characters that aren't valid Unicode") from None


def require_amounts(**amounts: float) -> None:
    """Refuse numbers that can't be compared or aren't exact, by name."""
    for name, value in amounts.items():
        if not (math.isfinite(value) and abs(value) <= _LARGEST_EXACT):
            raise ValueError(f"{name} isn't an amount of money")

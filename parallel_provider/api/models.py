"""The answers of the Account API, with the field names of its OpenAPI file.

Unknown fields are ignored, so the server may add some. A value that can't be used later is refused
here: an id that would name another path, a text that can't be written, a number that isn't exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, FailFast, Field, PrivateAttr

from parallel_provider.http.messages import parse_http_date
from parallel_provider.model import Integer, Model, Secret, SecretStr, Text
from parallel_provider.sendable import MAX_INTEGER, misfit

_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The year 3000. Durations are shorter than a thousand years, so what is counted from a time before
# it can be written as a date.
LATEST_TIME = 32_503_680_000


def is_id(value: object) -> bool:
    """Say whether a value can be an id: one segment of a URL's path, and not "." or ".."."""
    return isinstance(value, str) and bool(_ID.fullmatch(value)) and bool(value.strip("."))


def _require_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("isn't an id of letters, digits and .-_~ alone")
    return _require_sendable(value)


def _require_sendable(value: str) -> str:
    if misfit(value) is not None:
        raise ValueError(f"holds {misfit(value)}")
    return value


def _require_sendable_secret(value: SecretStr) -> SecretStr:
    _require_sendable(value.get_secret_value())
    return value


def _lower_uuid(value: str) -> str:
    return value.lower() if _UUID.fullmatch(value) else value


Id = Annotated[str, AfterValidator(_require_id)]
# A UUID means the same in upper case. Ids are compared as text, so all are in lower case from here.
AppId = Annotated[Id, AfterValidator(_lower_uuid)]
# A text that is only shown. Somebody else may have chosen it, and must not be able to stop a run.
Name = Annotated[Text, AfterValidator(lambda name: "" if misfit(name) else name)]
# Adding 0.0 makes 0.0 of -0.0.
Cents = Annotated[
    float, Field(ge=-MAX_INTEGER, le=MAX_INTEGER), AfterValidator(lambda cents: cents + 0.0)
]


class ApiModel(Model):
    """An answer, or a part of one. `id_field` is the field with the id of what was created."""

    id_field: ClassVar[str | None] = None

    @property
    def org_ids(self) -> set[str]:
        """The organizations that the answer names; empty where it names none."""
        return set()


class AppItem(ApiModel):
    """An app, as GET /service/v1/apps lists it.

    An organization without a name has an empty one, and so has everything that has a name to which
    Pulumi gives a meaning of its own.
    """

    app_id: AppId
    app_name: Name
    org_id: Id
    org_name: Annotated[Name, BeforeValidator(lambda name: "" if name is None else name)]


class AppList(ApiModel):
    """The answer of GET /service/v1/apps. `model_extra` has what else it holds."""

    model_config = ConfigDict(extra="allow")

    # The first wrong app is enough: an answer of 64 MiB may have millions of them.
    apps: Annotated[list[AppItem], FailFast()]

    @property
    def org_ids(self) -> set[str]:
        """The apps' organizations."""
        return {app.org_id for app in self.apps}


class Apps(list[AppItem]):
    """Listed apps. Only if the list `is_complete`, it proves that there is no other app."""

    def __init__(self, apps: Iterable[AppItem], *, is_complete: bool) -> None:
        super().__init__(apps)
        self.is_complete = is_complete


class CreatedApp(ApiModel):
    """The answer of POST /service/v1/apps."""

    id_field: ClassVar[str | None] = "app_id"

    app_id: AppId


class CreatedApiKey(ApiModel):
    """The answer of POST /service/v1/apps/{app_id}/keys. No other answer has the raw key.

    `created_at` is epoch seconds, by the server's clock.
    """

    id_field: ClassVar[str | None] = "api_key_id"

    api_key_id: Id
    api_key_name: Name
    app_id: AppId
    app_name: Name
    created_by_user_id: Name
    created_by_user_email: Name
    display_value: Name
    raw_api_key: Annotated[Secret, AfterValidator(_require_sendable_secret)]
    created_at: Annotated[Integer, Field(ge=0, le=LATEST_TIME)]
    # No field, since a body that has one of that name says nothing about it.
    _answered_at: float | None = PrivateAttr(default=None)

    @property
    def answered_at(self) -> float | None:
        """The time of the Date header of this answer, in epoch seconds; None if it has none."""
        return self._answered_at

    def dated(self, date: str | None) -> CreatedApiKey:
        """Return this answer with the time of its Date header."""
        answer = self.model_copy()
        answer._answered_at = parse_http_date(date)
        return answer


class Balance(ApiModel):
    """The answer of GET /service/v1/balance and of POST /service/v1/balance/add, in US cents.

    Both amounts are 0 for an organization that pays by invoice (`will_invoice`).
    """

    org_id: Id
    credit_balance_cents: Cents
    pending_debit_balance_cents: Cents
    will_invoice: bool

    @property
    def org_ids(self) -> set[str]:
        """The organization that has this balance."""
        return {self.org_id}

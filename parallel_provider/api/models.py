"""The answers of the Account API, with the field names of its OpenAPI file.

Unknown fields are ignored, so the server may add some. A value that can't be used later is refused
here: an id that would name another path, a text that can't be written, a number that isn't exact.
A field of the type SecretStr is a secret: no error shows it, nor an error answer that may quote it.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    SecretStr,
    ValidationError,
)

from parallel_provider.api.errors import (
    NOT_JSON,
    AnswerError,
    answer_line,
    describe_body,
    has_json_type,
    is_error_of_api,
    json_of,
    request_line,
    safe,
)
from parallel_provider.http_dates import parse_http_date
from parallel_provider.model import (
    Integer,
    Model,
    Secret,
    Text,
    read_json,
    why,
)
from parallel_provider.sendable import MAX_INTEGER, misfit

if TYPE_CHECKING:
    import httpx

Answer = TypeVar("Answer", bound="ApiModel")
Created = TypeVar("Created", bound="CreatedSecret")

_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# RFC 8288: rel is one name, or several in quotes.
_NEXT_PAGE = re.compile(r"""\brel\s*=\s*("[^"]*\bnext\b|next\b)""", re.IGNORECASE)
# The year 3000. Durations are shorter than a thousand years, so what is counted from a time before
# it can be written as a date.
LATEST_TIME = 32_503_680_000


def is_id(value: object) -> bool:
    """Say whether a value can be an id: one segment of a URL's path, and not "." or ".."."""
    return isinstance(value, str) and bool(_ID.fullmatch(value)) and bool(value.strip("."))


def _require_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("isn't an id of letters, digits and .-_~ alone")
    if misfit(value) is not None:
        raise ValueError(f"holds {misfit(value)}")
    return value


def _lower_uuid(value: str) -> str:
    return value.lower() if UUID.fullmatch(value) else value


Id = Annotated[str, AfterValidator(_require_id)]
# A UUID means the same in upper case. Ids are compared as text, so all are in lower case from here.
AppId = Annotated[Id, AfterValidator(_lower_uuid)]
# A text that is only shown. Somebody else may have chosen it, and must not be able to stop a run.
Name = Annotated[Text, AfterValidator(lambda name: "" if misfit(name) else name)]
Cents = Annotated[float, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]


class ApiModel(Model):
    """An answer, or a part of one. `id_field` is the field with the id of what was created."""

    id_field: ClassVar[str | None] = None

    @property
    def org_ids(self) -> set[str]:
        """The organizations that the answer names; empty where it names none."""
        return set()

    @classmethod
    def holds_secret(cls) -> bool:
        """Return whether the answer has a secret, in a field of the type SecretStr."""
        return any(_mentions_secret(field.annotation) for field in cls.model_fields.values())

    @classmethod
    def read(cls: type[Answer], response: httpx.Response) -> Answer:
        """Read the body of a successful answer.

        Raises AnswerError, which names the wrong fields. Its `created_id` is the id of what was
        created, if the body has it.
        """
        body: object = None
        try:
            body = read_json(response.content)
            return cls.model_validate(body)
        except ValidationError as error:
            reason = f"success, but not as documented ({why(error)})"
        except ValueError:
            reason = f"success with {describe_body(response)} instead of JSON"
        created_id = body.get(cls.id_field) if isinstance(body, dict) and cls.id_field else None
        raise AnswerError(
            f"{request_line(response)} answered {safe(reason)}",
            created_id=str(created_id) if is_id(created_id) else None,
        )


def _mentions_secret(annotation: object) -> bool:
    parts = typing.get_args(annotation)
    if not parts and isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation.holds_secret()
    return annotation is SecretStr or any(map(_mentions_secret, parts))


class AppItem(ApiModel):
    """An app, as GET /service/v1/apps lists it.

    An organization without a name has an empty one, and so has everything that has a name to which
    Pulumi gives a meaning of its own.
    """

    app_id: AppId
    app_name: Name
    org_id: Id
    org_name: Annotated[Name, BeforeValidator(lambda name: "" if name is None else name)]


class Apps(list[AppItem]):
    """Listed apps. Only if the list `is_complete`, it proves that there is no other app."""

    def __init__(self, apps: Iterable[AppItem], *, is_complete: bool) -> None:
        super().__init__(apps)
        self.is_complete = is_complete


class AppList(ApiModel):
    """The answer of GET /service/v1/apps.

    The API documents one list in one answer: 200, JSON, with nothing but `apps`. Anything else may
    be a part of a list, or the answer of something that stands before the API, and isn't complete.
    """

    model_config = ConfigDict(extra="allow")

    # The first wrong app is enough: an answer of 64 MiB may have millions of them.
    apps: Annotated[list[AppItem], FailFast()]
    is_complete: Annotated[bool, BeforeValidator(lambda _: False)] = False

    @property
    def org_ids(self) -> set[str]:
        """The apps' organizations."""
        return {app.org_id for app in self.apps}

    @classmethod
    def read(cls, response: httpx.Response) -> AppList:
        """Read the answer, and look whether the list is complete."""
        found = super().read(response)
        is_complete = (
            response.status_code == HTTPStatus.OK
            and has_json_type(response)
            and found.model_fields_set == {"apps"}
            and not any(map(_NEXT_PAGE.search, response.headers.get_list("link")))
        )
        # What else the answer has is of no use to anybody.
        return cls.model_construct(apps=found.apps, is_complete=is_complete)


class CreatedApp(ApiModel):
    """The answer of POST /service/v1/apps."""

    id_field: ClassVar[str | None] = "app_id"

    app_id: AppId


class CreatedSecret(ApiModel):
    """The answer to the creation of an item with a secret. No other answer has the secret.

    `created_at` is epoch seconds, by the server's clock. `answered_at` isn't in the body: it is the
    time of the answer's Date header, in epoch seconds.
    """

    app_id: AppId
    app_name: Name
    created_by_user_id: Name
    created_by_user_email: Name
    created_at: Annotated[Integer, Field(ge=0, le=LATEST_TIME)]
    answered_at: Annotated[float | None, BeforeValidator(lambda _: None)] = None

    @property
    def created_id(self) -> str:
        """The id of what was created."""
        return str(getattr(self, self.id_field or ""))

    @classmethod
    def read(cls: type[Created], response: httpx.Response) -> Created:
        """Read the answer, and the time of its Date header."""
        date = parse_http_date(response.headers.get("date"))
        return super().read(response).model_copy(update={"answered_at": date})


class CreatedApiKey(CreatedSecret):
    """The answer of POST /service/v1/apps/{app_id}/keys."""

    id_field: ClassVar[str | None] = "api_key_id"

    api_key_id: Id
    api_key_name: Name
    display_value: Name
    raw_api_key: Secret


class Balance(ApiModel):
    """The answer of GET /service/v1/balance and of POST /service/v1/balance/add, in US cents.

    Both amounts are 0 for an organization that pays by invoice (`will_invoice`).
    """

    org_id: Id = Field(description="The organization's id.")
    credit_balance_cents: Cents = Field(description="The balance, in US cents.")
    pending_debit_balance_cents: Cents = Field(
        description="What was used and isn't subtracted yet, in US cents."
    )
    will_invoice: bool = Field(description="Whether the organization pays by invoice.")

    @property
    def org_ids(self) -> set[str]:
        """The organization that has this balance."""
        return {self.org_id}


class Deleted(ApiModel):
    """The answer of a DELETE."""

    @classmethod
    def read(cls, response: httpx.Response) -> Deleted:
        """Raise AnswerError unless the answer says that it is done.

        The API documents 200 with any JSON; 204 says the same without a body. A proxy may answer
        200 with a page of its own, or with nothing.
        """
        body = json_of(response)
        is_answer = response.status_code == HTTPStatus.OK and body is not NOT_JSON
        is_done = is_answer or response.status_code == HTTPStatus.NO_CONTENT
        if not is_done or is_error_of_api(body):
            raise AnswerError(f"{answer_line(response)}, so it isn't certain that it was done")
        return cls()

"""What can go wrong between a request and its answer.

ApiError
├── ConnectionFailedError    the request was never sent
├── NoAnswerError            it was sent, and no answer came
├── AnswerError              an answer came that isn't what the API promises: created_id
├── WrongOrganizationError   the access token belongs to another organization than allowed
└── StatusError              the server refused: status_code, request_id
    ├── ValidationFailedError   400, 422
    ├── AuthenticationError     401
    ├── PaymentRequiredError    402
    ├── PermissionDeniedError   403
    ├── NotFoundError           404
    ├── RateLimitedError        429
    └── ServerError             408, 5xx
"""

from __future__ import annotations

from parallel_provider.errors import ParallelError

_UNAVAILABLE = 503


class ApiError(ParallelError):
    """A request that didn't end in a usable answer."""

    __module__ = "parallel_provider"

    @property
    def may_have_worked(self) -> bool:
        """Say whether the server may have carried the request out all the same."""
        return False


class ConnectionFailedError(ApiError):
    """The server couldn't be reached, so it can't have done anything."""

    __module__ = "parallel_provider"


class NoAnswerError(ApiError):
    """The request went out and no whole answer came back."""

    __module__ = "parallel_provider"

    @property
    def may_have_worked(self) -> bool:
        """Say yes: only the answer is known to be lost."""
        return True


class AnswerError(ApiError):
    """The server reported success, and its answer can't be understood.

    `created_id` is the id of the app or key that was created, where the answer tells it.
    """

    __module__ = "parallel_provider"

    def __init__(self, message: str, *, created_id: str | None = None) -> None:
        super().__init__(message)
        self.created_id = created_id

    @property
    def may_have_worked(self) -> bool:
        """Say yes: the status says that the server did it."""
        return True


class WrongOrganizationError(ApiError):
    """The access token belongs to another organization than the one that is meant."""

    __module__ = "parallel_provider"


class StatusError(ApiError):
    """The server answered with an error status.

    `status_code` is the HTTP status; `request_id` is the server's reference, where it gave one;
    `retry_after` is what the server asks to wait, in seconds, where it did.
    """

    __module__ = "parallel_provider"

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.request_id = request_id
        self.retry_after = retry_after


class ValidationFailedError(StatusError):
    """400 or 422: the request itself is wrong; the text names the fields."""

    __module__ = "parallel_provider"


class AuthenticationError(StatusError):
    """401: the access token isn't valid, or no longer."""

    __module__ = "parallel_provider"


class PaymentRequiredError(StatusError):
    """402: the organization has no way to pay."""

    __module__ = "parallel_provider"


class PermissionDeniedError(StatusError):
    """403: the access token lacks a scope."""

    __module__ = "parallel_provider"


class NotFoundError(StatusError):
    """404: it isn't there, or not for this organization."""

    __module__ = "parallel_provider"


class RateLimitedError(StatusError):
    """429: too many requests; this one was not carried out."""

    __module__ = "parallel_provider"


class ServerError(StatusError):
    """408 or 5xx: the server, or something before it, failed."""

    __module__ = "parallel_provider"

    @property
    def may_have_worked(self) -> bool:
        """Say yes, unless it turns requests away and asks for another attempt later.

        Only 503 means that (RFC 9110, section 15.6.4); a 504 with a Retry-After comes from a
        gateway that has passed the request on.
        """
        return self.status_code != _UNAVAILABLE or self.retry_after is None


def status_error_class(status_code: int) -> type[StatusError]:
    """Return the class of an error status."""
    known: dict[int, type[StatusError]] = {
        400: ValidationFailedError,
        401: AuthenticationError,
        402: PaymentRequiredError,
        403: PermissionDeniedError,
        404: NotFoundError,
        408: ServerError,
        422: ValidationFailedError,
        429: RateLimitedError,
    }
    first_server_error = 500
    if status_code >= first_server_error:
        return ServerError
    return known.get(status_code, StatusError)

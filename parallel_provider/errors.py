"""Every error that this package raises on purpose.

ParallelError
├── SettingsError                 a setting is missing, malformed, or contradicts another one
├── CommandError                  a command that the user configured failed
├── CredentialsError              there is no usable access token
│   ├── NotConfiguredError        nobody has signed in, and no setting names a token
│   ├── NoSignInFileError         there is no stored sign-in
│   ├── OAuthError                the sign-in's server refused: code
│   └── SignInUnavailableError    the sign-in's server gave no usable answer: may_have_worked
├── ApiError                      a request to the Account API failed: may_have_worked
│   ├── ConnectionFailedError     the request was never sent
│   ├── NoAnswerError             it was sent, and no answer came
│   ├── AnswerError               the answer isn't as documented: created_id
│   ├── WrongOrganizationError    the access token belongs to another organization
│   └── StatusError               the server refused: status_code, request_id, retry_after
│       ├── AuthenticationError   401
│       ├── PermissionDeniedError 403
│       ├── NotFoundError         404
│       ├── RateLimitedError      429
│       └── ServerError           408, 5xx
├── LifecycleError                what was asked can't be done safely
│   └── HeldElsewhereError        another resource of this run has it
├── UserFolderError               there is no place for this user's locks and notes
├── ResourceError                 something failed for one resource
└── InternalError                 a bug in this package

The text of each is one line: what was being done, to what, why it failed, what to do next. It never
holds a token or a raw key. No program catches them: Pulumi prints the type and the text of those
that a dynamic provider raises, and those give `parallel_provider` as their module.
"""

from __future__ import annotations

from parallel_provider.printable import masked

_UNAVAILABLE = 503
_PRINTED_MODULE = "parallel_provider"


class ParallelError(Exception):
    """Base of all errors that this package raises on purpose; `str()` of it is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(" ".join(message.split())))


class SettingsError(ParallelError):
    """A setting is missing, malformed, or contradicts another one."""

    __module__ = _PRINTED_MODULE


class CommandError(ParallelError):
    """A command that the user configured can't be started, failed, or took too long."""


class CredentialsError(ParallelError):
    """There is no usable access token; the text names the source that was tried."""

    __module__ = _PRINTED_MODULE


class NotConfiguredError(CredentialsError):
    """Nobody has signed in, and no setting names another source of tokens."""


class NoSignInFileError(CredentialsError):
    """Nobody has signed in on this machine yet."""


class OAuthError(CredentialsError):
    """The server refused; `code` is its `error`, such as "invalid_grant"."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class SignInUnavailableError(CredentialsError):
    """No usable answer came; a later attempt may get one.

    `may_have_worked` says that the server may have done what was asked all the same;
    `retry_after` is how many seconds the server asks to wait, if it does.
    """

    def __init__(
        self, message: str, *, may_have_worked: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.may_have_worked = may_have_worked
        self.retry_after = retry_after


class ApiError(ParallelError):
    """A request to the Account API got no usable answer."""

    @property
    def may_have_worked(self) -> bool:
        """Say whether the server may have carried the request out all the same."""
        return False


class ConnectionFailedError(ApiError):
    """The request was never sent, so the server can't have done anything."""


class NoAnswerError(ApiError):
    """The request was sent, and no whole answer came back."""

    @property
    def may_have_worked(self) -> bool:
        """Say yes: perhaps only the answer was lost."""
        return True


class AnswerError(ApiError):
    """The server reported success, and its answer can't be used.

    `created_id` is the id of the app or key that was created, if the answer has it.
    """

    def __init__(self, message: str, *, created_id: str | None = None) -> None:
        super().__init__(message)
        self.created_id = created_id

    @property
    def may_have_worked(self) -> bool:
        """Say yes: the status says that the server did it."""
        return True


class WrongOrganizationError(ApiError):
    """The access token belongs to another organization than the expected one."""


class StatusError(ApiError):
    """The server answered with an error status.

    `status_code` is the HTTP status; `request_id` is the server's reference, if it gave one;
    `retry_after` is how many seconds the server asks to wait, if it does.
    """

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


class AuthenticationError(StatusError):
    """401: the access token isn't valid, or no longer."""


class PermissionDeniedError(StatusError):
    """403: the access token lacks a scope."""


class NotFoundError(StatusError):
    """404: it doesn't exist, or it belongs to another organization."""


class RateLimitedError(StatusError):
    """429: too many requests; this one was not carried out."""


class ServerError(StatusError):
    """408 or 5xx: the server, or a proxy before it, failed."""

    @property
    def may_have_worked(self) -> bool:
        """Say yes, except for a 503 that asks for another attempt later.

        Such a 503 means that the server didn't take the request (RFC 9110, section 15.6.4). A 504
        with a Retry-After comes from a gateway, which has already passed the request on.
        """
        return self.status_code != _UNAVAILABLE or self.retry_after is None


class LifecycleError(ParallelError):
    """What was asked can't be done safely, or doesn't fit what exists at the server."""


class HeldElsewhereError(LifecycleError):
    """Another resource of this run has the app, key or top-up already."""


class UserFolderError(ParallelError):
    """The user's folder for locks and notes can't be made or written, or has no locks."""


class ResourceError(ParallelError):
    """Something failed for one resource: what was being done, to which, why, what to do next."""

    __module__ = _PRINTED_MODULE


class InternalError(ParallelError):
    """A bug in this package; the text says where, and holds no value."""

    __module__ = _PRINTED_MODULE

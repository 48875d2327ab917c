"""Errors of getting an access token.

CredentialsError                  (parallel_provider.errors)
├── NotConfiguredError            no source of access tokens is configured
├── NoSignInFileError             the sign-in file doesn't exist
├── OAuthError                    the server refused, with an error code of RFC 6749 or RFC 8628
└── SignInUnavailableError        the server gave no usable answer; a later attempt may get one
"""

from __future__ import annotations

from parallel_provider.errors import CredentialsError

LOGIN_HINT = "run `parallel-provider login`"
PIPELINE_HINT = (
    "run `parallel-provider login --print-refresh-token` somewhere with a browser, and put what it "
    "prints in the token's place"
)


class NotConfiguredError(CredentialsError):
    """Nobody has signed in, and no setting names another source of tokens."""

    __module__ = "parallel_provider"


class NoSignInFileError(CredentialsError):
    """Nobody has signed in here yet."""

    __module__ = "parallel_provider"


class OAuthError(CredentialsError):
    """The server refused; `code` is the answer's `error`, such as "invalid_grant"."""

    __module__ = "parallel_provider"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class SignInUnavailableError(CredentialsError):
    """No usable answer came; a later attempt may get one.

    `may_have_worked` says that the server may have carried out the request. `retry_after` is how
    many seconds the server asks to wait, or None if it doesn't say.
    """

    __module__ = "parallel_provider"

    def __init__(
        self, message: str, *, may_have_worked: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.may_have_worked = may_have_worked
        self.retry_after = retry_after

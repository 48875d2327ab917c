"""What can go wrong on the way to an access token.

CredentialsError                  (parallel_provider.errors)
├── NotConfiguredError            there is nothing that a token could come from
├── OAuthError                    the server refused, by an RFC 6749 or RFC 8628 code
└── SignInUnavailableError        there is no usable answer, for now
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


class OAuthError(CredentialsError):
    """The server refused; `code` is its `error`, such as "invalid_grant"."""

    __module__ = "parallel_provider"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class SignInUnavailableError(CredentialsError):
    """No usable answer came; a later attempt may get one.

    `may_have_worked` says that the server may have done what was asked all the same;
    `retry_after` is what it asks to wait, in seconds, where it did.
    """

    __module__ = "parallel_provider"

    def __init__(
        self, message: str, *, may_have_worked: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.may_have_worked = may_have_worked
        self.retry_after = retry_after

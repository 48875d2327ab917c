"""Every error that this package raises on purpose.

ParallelError
├── SettingsError                 a setting is missing, malformed, or contradicts another one
├── CommandError                  a command that the user configured failed
├── CredentialsError              there is no usable access token
│   ├── NotConfiguredError        nobody has signed in, and no setting names a token
│   ├── NoSignInFileError         there is no stored sign-in
│   ├── OAuthError                the sign-in's server refused: code
│   └── SignInUnavailableError    the sign-in's server gave no usable answer: may_have_worked
├── ApiError                      a request to the Account API failed: see api/errors.py
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

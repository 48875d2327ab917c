"""The root of everything this package raises on purpose.

ParallelError
├── SettingsError          a setting is missing or can't be used
├── CredentialsError       there is no usable access token           (credentials/)
├── CommandError           a configured command failed               (commands.py)
├── ApiError               the Account API refused, or didn't answer (api/errors.py)
└── LifecycleError         the answer doesn't allow what was asked   (lifecycle/errors.py)

Every text is one line: what was being done, to what, why it failed, what to do next.
None of them ever holds a token or a raw key.
"""

from __future__ import annotations

from parallel_provider.printable import masked

# The printed name of an exception is "module.Class": kept short, for the people who read it.
_PUBLIC_MODULE = "parallel_provider"


class ParallelError(Exception):
    """Anything this package raises on purpose; `str()` of it is one line for a person."""

    __module__ = _PUBLIC_MODULE

    def __init__(self, message: str) -> None:
        super().__init__(masked(" ".join(message.split())))


class SettingsError(ParallelError):
    """A setting is missing, malformed, or contradicts another one."""

    __module__ = _PUBLIC_MODULE


class CredentialsError(ParallelError):
    """There is no usable access token; the text names the source that was tried."""

    __module__ = _PUBLIC_MODULE


class CommandError(ParallelError):
    """A command that the user configured can't be started, failed, or took too long."""

    __module__ = _PUBLIC_MODULE

"""The errors of the sign-in, and the advice that their texts end with."""

from __future__ import annotations

from parallel_provider.errors import (
    CredentialsError,
    NoSignInFileError,
    NotConfiguredError,
    OAuthError,
    SignInUnavailableError,
)

__all__ = [
    "LOGIN_HINT",
    "PIPELINE_HINT",
    "CredentialsError",
    "NoSignInFileError",
    "NotConfiguredError",
    "OAuthError",
    "SignInUnavailableError",
]

LOGIN_HINT = "run `parallel-provider login`"
PIPELINE_HINT = (
    "run `parallel-provider login --print-refresh-token` somewhere with a browser, and put what it "
    "prints in the token's place"
)

"""The source of access tokens: the first one that is configured.

1. `parallel:accessToken`: a token in the stack configuration
2. `parallel:tokenCommand`: a command in the stack configuration that prints a token
3. `PARALLEL_ACCESS_TOKEN`: a token in the environment
4. `PARALLEL_TOKEN_COMMAND`: a command in the environment that prints a token
5. `PARALLEL_REFRESH_TOKEN`, with `PARALLEL_REFRESH_TOKEN_SAVE_COMMAND`: for pipelines
6. the sign-in file: `PARALLEL_AUTH_FILE`, by default the official client's file

If the chosen source fails, no other one is tried. The last two are in `stored_sign_in`.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError

from parallel_provider.commands import Command, run_command, show_on_standard_error
from parallel_provider.credentials.tokens import (
    AccessToken,
    Clock,
    RenewingSource,
    StaticToken,
    TokenSource,
    expiry_in,
    require_access_token,
)
from parallel_provider.errors import CommandError, CredentialsError, NotConfiguredError
from parallel_provider.model import Model, Secret, why
from parallel_provider.settings import Settings


def choose_source(settings: Settings) -> TokenSource:
    """Return the first configured source, in the order of this module's docstring.

    Sends no request and runs no command. Raises NotConfiguredError if no source is configured,
    SettingsError if the first one is configured wrongly, and CredentialsError if its token or its
    file can't be used.
    """
    first = next(iter(settings.token_settings), None)
    if first is not None and first.variable == "PARALLEL_ACCESS_TOKEN":
        return StaticToken(first.value, first.origin)
    if first is not None and first.variable == "PARALLEL_TOKEN_COMMAND":
        return TokenCommand(Command.parse(first.value.get_secret_value(), first.origin))
    from parallel_provider.credentials import stored_sign_in  # noqa: PLC0415 - heavy

    if first is not None:
        return stored_sign_in.pipeline_source(settings, first.value)
    return stored_sign_in.stored_source(settings)


class NoSource(TokenSource):
    """Takes the place of a source if none is configured; fails when a token is needed."""

    origin = "nowhere"

    def __init__(self, error: NotConfiguredError) -> None:
        self._error = error

    def get(self) -> AccessToken:
        """Raise the error, which says how to configure a source."""
        raise self._error


class TokenCommand(RenewingSource):
    """A command, such as `parallel-provider token` or a secret store's, that prints a token.

    It runs for the first token, before each token expires, and after a 401.
    """

    def __init__(self, command: Command, *, clock: Clock = time.time) -> None:
        super().__init__(command.origin, self._run, clock)
        self._command = command

    def _run(self, _current: AccessToken | None) -> AccessToken:
        try:
            output = run_command(self._command, show=show_on_standard_error)
        except CommandError as error:
            raise CredentialsError(str(error)) from None
        return parse_output(output, str(self._command), self._clock())


class _PrintedToken(Model):
    """The JSON that a token command may print, with a time in epoch seconds or ISO 8601."""

    access_token: Secret
    expires_at: Annotated[datetime | None, Field(strict=False)] = None


def parse_output(output: bytes, command: str, now: float) -> AccessToken:
    """Read what a token command printed: the token alone, or `{"access_token", "expires_at"}`.

    `expires_at` is epoch seconds or an ISO 8601 time, and may be left out. Raises
    CredentialsError, whose text never quotes the output.
    """
    text = output.decode(errors="replace").strip()
    expires_at: float | None = None
    if text.startswith("{"):
        try:
            printed = _PrintedToken.model_validate_json(text)
        except ValidationError as error:
            raise CredentialsError(
                f"{command} printed JSON that can't be used ({why(error)})"
            ) from None
        text = printed.access_token.get_secret_value().strip()
        if printed.expires_at is not None:
            end = printed.expires_at
            expires_at = (end if end.tzinfo else end.replace(tzinfo=timezone.utc)).timestamp()
    if len(text.split()) != 1:
        raise CredentialsError(
            f"{command} must print one access token and nothing else, or JSON with access_token "
            "and expires_at"
        )
    if expires_at is not None and expires_at <= now:
        raise CredentialsError(f"{command} printed a token that has already ended")
    token = require_access_token(SecretStr(text), f"the output of {command}")
    if expires_at is None:
        told = expiry_in(token)
        # If it has ended by this machine's clock, that may be wrong: a 401 renews it then.
        expires_at = told if told is not None and told > now else None
    return AccessToken(token, expires_at)

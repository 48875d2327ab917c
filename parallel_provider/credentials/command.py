"""Get access tokens from a command, such as `parallel-provider token` or a secret store's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone

from pydantic import SecretStr

from parallel_provider.commands import Command, run_command, show_on_standard_error
from parallel_provider.credentials.times import epoch_seconds
from parallel_provider.credentials.tokens import (
    AccessToken,
    Clock,
    RenewingSource,
    require_access_token,
)
from parallel_provider.errors import CommandError, CredentialsError


class TokenCommand(RenewingSource):
    """Runs the command for the first token, before each token expires, and after a 401."""

    def __init__(
        self,
        command: Command,
        *,
        clock: Clock = time.time,
        show: Callable[[str], None] = show_on_standard_error,
    ) -> None:
        super().__init__(command.origin, self._run, clock)
        self._command = command
        self._show = show

    def _run(self, _current: AccessToken | None) -> AccessToken:
        try:
            output = run_command(self._command, show=self._show)
        except CommandError as error:
            raise CredentialsError(str(error)) from None
        return parse_output(output, str(self._command), self._clock())


def parse_output(output: bytes, command: str, now: float) -> AccessToken:
    """Read what a token command printed: the token alone, or `{"access_token", "expires_at"}`.

    `expires_at` is epoch seconds or an ISO 8601 time, and may be left out. Raises
    CredentialsError, whose text never quotes the output.
    """
    try:
        text = output.decode().strip()
    except UnicodeDecodeError:
        raise CredentialsError(f"{command} printed something that isn't text") from None
    expires_at: float | None = None
    if text.startswith("{"):
        text, expires_at = _parse_json(text, command)
    if not text:
        raise CredentialsError(f"{command} succeeded and printed nothing")
    if len(text.split()) > 1:
        raise CredentialsError(
            f"{command} must print one access token and nothing else, or JSON with access_token "
            "and expires_at"
        )
    if expires_at is not None and expires_at <= now:
        raise CredentialsError(f"{command} printed a token that has already ended")
    value = require_access_token(SecretStr(text), f"the output of {command}")
    return AccessToken.just_issued(value, expires_at, now)


def _parse_json(text: str, command: str) -> tuple[str, float | None]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError(f"{command} printed JSON that can't be read") from None
    token = body.get("access_token")
    if not isinstance(token, str):
        raise CredentialsError(f"{command} printed JSON without a text access_token")
    return token.strip(), _expiry(body.get("expires_at"), command)


def _expiry(value: object, command: str) -> float | None:
    if value is None:
        return None
    seconds = epoch_seconds(value)
    if seconds is not None:
        return seconds
    if isinstance(value, str):
        try:
            # Python 3.10 can't read the Z.
            moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
            return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise CredentialsError(
        f"{command} printed an expires_at that is neither epoch seconds nor an ISO 8601 time"
    )

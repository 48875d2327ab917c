"""All settings, for README.md and docs/installation-configuration.md."""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """A setting: its key in the stack's configuration, its variable, and what it is."""

    key: str
    variable: str
    text: str


SETTINGS = (
    Setting(
        "accessToken",
        "PARALLEL_ACCESS_TOKEN",
        "an access token, used as it is; a secret. It is valid for minutes only. Use the stack's "
        "setting for tests only: a later refresh or destroy would still use the old token",
    ),
    Setting(
        "tokenCommand",
        "PARALLEL_TOKEN_COMMAND",
        "a command that prints a token, or JSON with `access_token` and `expires_at`. It runs "
        "again shortly before the token expires and after a 401",
    ),
    Setting(
        "",
        "PARALLEL_REFRESH_TOKEN",
        "needs `PARALLEL_REFRESH_TOKEN_SAVE_COMMAND`",
    ),
    Setting(
        "",
        "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND",
        "this command gets each new refresh token on its standard input before anything else "
        "happens",
    ),
    Setting(
        "",
        "PARALLEL_CLIENT_ID",
        "the OAuth client that `PARALLEL_REFRESH_TOKEN` was issued to. Default: the client of the "
        "stored sign-in, or else `parallel-cli`",
    ),
    Setting(
        "",
        "PARALLEL_AUTH_FILE",
        "the file of the stored sign-in. Default: the file of the official client",
    ),
    Setting(
        "orgId",
        "PARALLEL_ORG_ID",
        "the organization: which stored sign-in to use, and a guard. Nothing is done with a token "
        "of another organization, or if both are set and differ",
    ),
    Setting(
        "maxTopUpCents",
        "PARALLEL_MAX_TOP_UP_CENTS",
        "the highest amount of one charge. Without it, nothing is charged",
    ),
    Setting(
        "timeoutSeconds",
        "PARALLEL_TIMEOUT_SECONDS",
        "the time limit of one API call, with all its attempts and the complete answers. Default: "
        "120, at most 3600",
    ),
    Setting(
        "serviceApiUrl",
        "PARALLEL_SERVICE_API_URL",
        "the Account API. Default: `https://api.parallel.ai/account`",
    ),
    Setting(
        "platformUrl",
        "PARALLEL_PLATFORM_URL",
        "the sign-in. Default: `https://platform.parallel.ai`",
    ),
)

"""Choose the source of access tokens: the first one that is configured.

1. `parallel:accessToken`: a token in the stack configuration
2. `parallel:tokenCommand`: a command in the stack configuration that prints a token
3. `PARALLEL_ACCESS_TOKEN`: a token in the environment
4. `PARALLEL_TOKEN_COMMAND`: a command in the environment that prints a token
5. `PARALLEL_REFRESH_TOKEN`, with `PARALLEL_REFRESH_TOKEN_SAVE_COMMAND`: for pipelines
6. the sign-in file: `PARALLEL_AUTH_FILE`, by default the official client's file

If the chosen source fails, no other one is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallel_provider.credentials.tokens import AccessToken, StaticToken, TokenSource
from parallel_provider.errors import (
    CredentialsError,
    NoSignInFileError,
    NotConfiguredError,
    SettingsError,
)
from parallel_provider.settings import Settings

if TYPE_CHECKING:
    from parallel_provider.credentials.command import TokenCommand
    from parallel_provider.credentials.pipeline import PipelineRefreshToken
    from parallel_provider.credentials.stored_sign_in import StoredSignIn


def choose_source(settings: Settings) -> TokenSource:
    """Return the first configured source, in the order of this module's docstring.

    Sends no request and runs no command. Raises NotConfiguredError if no source is configured,
    SettingsError if the first one is configured wrongly, and CredentialsError if its token or its
    file can't be used.
    """
    if settings.config_access_token is not None:
        return StaticToken(settings.config_access_token, "parallel:accessToken")
    if settings.config_token_command is not None:
        return _token_command(settings.config_token_command, "parallel:tokenCommand")
    if settings.env_access_token is not None:
        return StaticToken(settings.env_access_token, "PARALLEL_ACCESS_TOKEN")
    if settings.env_token_command is not None:
        return _token_command(settings.env_token_command, "PARALLEL_TOKEN_COMMAND")
    if settings.env_refresh_token is not None:
        return _pipeline(settings)
    return _stored_sign_in(settings)


def _token_command(text: str, origin: str) -> TokenCommand:
    from parallel_provider.commands import Command  # noqa: PLC0415 - heavy, as those below
    from parallel_provider.credentials.command import TokenCommand  # noqa: PLC0415

    return TokenCommand(Command.parse(text, origin))


def _pipeline(settings: Settings) -> PipelineRefreshToken:
    from parallel_provider.commands import Command  # noqa: PLC0415
    from parallel_provider.credentials.pipeline import PipelineRefreshToken  # noqa: PLC0415
    from parallel_provider.credentials.stored_sign_in import PipelineRequest  # noqa: PLC0415

    save = settings.env_refresh_token_save_command
    if settings.env_refresh_token is None or save is None:
        raise SettingsError(
            "PARALLEL_REFRESH_TOKEN needs PARALLEL_REFRESH_TOKEN_SAVE_COMMAND: a refresh token "
            "can be used once, and the command gets the next one on its standard input, to keep "
            "it for the next run"
        )
    Command.parse(save, "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND")
    return PipelineRefreshToken(
        settings.auth_file,
        settings.platform_url,
        PipelineRequest(
            refresh_token=settings.env_refresh_token,
            client_id=settings.env_client_id or _client_id_of_stored_sign_in(settings),
            save_command=save,
        ),
    )


def _client_id_of_stored_sign_in(settings: Settings) -> str | None:
    """Return the client that signs in on this machine: the refresh token may be of that one."""
    from parallel_provider.credentials.sign_in_file import SignInFile  # noqa: PLC0415

    try:
        return SignInFile(settings.auth_file).read().client_id
    except CredentialsError:
        return None


def _stored_sign_in(settings: Settings) -> StoredSignIn:
    from parallel_provider.credentials.sign_in_file import SignInFile  # noqa: PLC0415
    from parallel_provider.credentials.stored_sign_in import StoredSignIn  # noqa: PLC0415

    file = SignInFile(settings.auth_file)
    try:
        document = file.read()
    except NoSignInFileError:
        raise NotConfiguredError(
            "no Parallel access token is configured: run `parallel-provider login`, "
            "or set PARALLEL_ACCESS_TOKEN or the secret parallel:accessToken"
        ) from None
    # Chosen once: if somebody signs in to another organization during the run, this run must stay
    # with the first one.
    org_id = document.choose_org(settings.org_id, settings.org_id_origin)
    return StoredSignIn(file, org_id, settings.platform_url)


class NoSource:
    """Takes the place of a source if none is configured; fails when a token is needed."""

    origin = "nowhere"

    def __init__(self, error: NotConfiguredError) -> None:
        self._error = error

    def get(self) -> AccessToken:
        """Raise the error, which says how to configure a source."""
        raise self._error

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (TokenSource)
        """Raise the same error."""
        raise self._error

    def end_warning(self) -> str | None:
        """Return None: there is no sign-in that could end."""
        return None

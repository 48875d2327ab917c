"""Choose where the access token comes from: the first configured source counts, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parallel_provider.credentials.errors import NotConfiguredError
from parallel_provider.credentials.static import StaticToken
from parallel_provider.credentials.tokens import AccessToken, TokenSource
from parallel_provider.errors import CredentialsError, NoSignInFileError, SettingsError
from parallel_provider.settings import Settings

if TYPE_CHECKING:
    from parallel_provider.credentials.command import TokenCommand
    from parallel_provider.credentials.stored import PipelineRefreshToken, StoredSignIn


def choose_source(settings: Settings) -> TokenSource:
    """Return the first source that is configured: stack configuration, environment, sign-in file.

    Raises NotConfiguredError when there is none, CredentialsError when that one is unusable as it
    stands, and SettingsError when it isn't configured right. No request is made and no command run
    here.
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
    from parallel_provider.credentials.refresh_process import PipelineRefresh  # noqa: PLC0415
    from parallel_provider.credentials.stored import PipelineRefreshToken  # noqa: PLC0415

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
        PipelineRefresh(
            refresh_token=settings.env_refresh_token,
            client_id=settings.env_client_id or _client_id_of_stored_sign_in(settings),
            save_command=save,
        ),
    )


def _client_id_of_stored_sign_in(settings: Settings) -> str | None:
    """Guess which client the refresh token was given to: the one that signs in on this machine."""
    from parallel_provider.credentials.store import SignInFile  # noqa: PLC0415

    try:
        return SignInFile(settings.auth_file).read().client_id
    except CredentialsError:
        return None


def _stored_sign_in(settings: Settings) -> StoredSignIn:
    from parallel_provider.credentials.store import SignInFile  # noqa: PLC0415
    from parallel_provider.credentials.stored import StoredSignIn  # noqa: PLC0415

    file = SignInFile(settings.auth_file)
    try:
        document = file.read()
    except NoSignInFileError:
        raise NotConfiguredError(
            "no Parallel access token is configured: run `parallel-provider login`, "
            "or set PARALLEL_ACCESS_TOKEN or the secret parallel:accessToken"
        ) from None
    # Chosen once: a sign-in to another organization in mid-run must not change this run's.
    org_id = document.choose_org(settings.org_id, settings.org_id_origin)
    return StoredSignIn(file, org_id, settings.platform_url)


class NoSource:
    """Stands where a source should be; says so as soon as a token is really needed."""

    origin = "nowhere"

    def __init__(self, error: NotConfiguredError) -> None:
        self._error = error

    def get(self) -> AccessToken:
        """Raise the error that says how to configure a source."""
        raise self._error

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (TokenSource)
        """Raise it here too."""
        raise self._error

    def end_warning(self) -> str | None:
        """Return None: there is nothing that could end."""
        return None

"""Sources whose tokens are in a file: the stored sign-in, and the refresh token of a pipeline.

A refresh token can be used once. If this process used it, a Ctrl-C or a kill between the server's
answer and the write to the file would lose the sign-in. So a process of its own (`refresh`) does
this in its own session, which isn't ended together with this program's terminal or process group.
It gets tokens from the file or on its standard input; its arguments and environment hold none.

One run of a pipeline has several processes, and `pulumi up` alone starts some. They all have the
same `PARALLEL_REFRESH_TOKEN`, which only the first one can use. So the processes of a run share the
tokens that came of it in a private file beside the sign-in file, named after the fingerprint of
`PARALLEL_REFRESH_TOKEN`. It has the format of the sign-in file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from pydantic import Field, SecretStr

from parallel_provider.commands import Command, environment_for_commands, show_on_standard_error
from parallel_provider.credentials.sign_in_file import Document, SignInFile, StoredTokens
from parallel_provider.credentials.tokens import AccessToken, Clock, RenewingSource, fingerprint
from parallel_provider.errors import (
    CredentialsError,
    NoSignInFileError,
    NotConfiguredError,
    SettingsError,
)
from parallel_provider.isolation import PACKAGE_FILE, import_paths
from parallel_provider.model import Model, plain
from parallel_provider.settings import Settings

# Longer than a refresh takes after the longest wait for the lock.
WORKER_SECONDS = 480.0
SAVE_COMMAND_SETTING = "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND"
# The only organization of a pipeline's file. Its real id isn't known before the first answer.
PIPELINE_ORG = "pipeline"
PIPELINE_FILE_PREFIX = "parallel-pipeline-"
# The field with the fingerprint of the refresh token that the save command got last.
_SAVED = "saved_refresh_token_sha256"

# The first argument is this package's file: what is installed elsewhere may be another version.
_WORKER = """\
import importlib.util
import sys
sys.path += [path for path in sys.argv[2:] if path not in sys.path]
spec = importlib.util.spec_from_file_location("parallel_provider", sys.argv[1])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from parallel_provider.credentials.refresh import main
sys.exit(main())
"""


class Pipeline(Model):
    """A refresh token of the environment; the save command gets each of its successors."""

    refresh_token: SecretStr
    client_id: str | None
    save_command: str

    def initial_document(self) -> Document:
        """Return the content that the file of such a run starts with."""
        tokens = {"refresh_token": self.refresh_token.get_secret_value()}
        return Document.from_raw(
            {
                "version": 1,
                "selected_org_id": PIPELINE_ORG,
                "client_id": self.client_id,
                "orgs": {PIPELINE_ORG: {"control_api": tokens}},
            }
        )


def is_saved(document: Document) -> bool:
    """Say whether the save command has got the refresh token of a pipeline's file."""
    token = document.tokens(PIPELINE_ORG).refresh_token
    return token is not None and document.raw.get(_SAVED) == fingerprint(token)


def with_saved(document: Document, refresh_token: SecretStr) -> Document:
    """Return the content with a note that the save command has got `refresh_token`."""
    return document.with_values(**{_SAVED: fingerprint(refresh_token)})


class RefreshRequest(Model):
    """What the worker shall do: replace the access token that has the fingerprint `unwanted`."""

    path: str
    org_id: str
    platform_url: str
    unwanted: str
    pipeline: Pipeline | None = None


class RefreshReport(Model):
    """What the worker prints when it ends. The new tokens are in the file."""

    error: str | None = None
    messages: list[str] = Field(default_factory=list)


class StoredSignIn(RenewingSource):
    """The sign-in of one organization in the sign-in file."""

    def __init__(
        self, file: SignInFile, org_id: str, platform_url: str, *, clock: Clock = time.time
    ) -> None:
        super().__init__(f"the stored sign-in {file.path}", self._next_token, clock)
        self._file = file
        self.org_id = org_id
        self._platform_url = platform_url

    def stored_tokens(self) -> StoredTokens:
        """Return what the file holds now. Raises CredentialsError."""
        return self._file.read().tokens(self.org_id)

    def end_warning(self) -> str | None:
        """Return a warning if the sign-in can't be refreshed for much longer."""
        try:
            tokens = self.stored_tokens()
        except CredentialsError:
            return None  # `get` raises this error when a token is needed
        return tokens.end_warning(self._clock())

    def _next_token(self, current: AccessToken | None) -> AccessToken:
        found = self._stored_token()
        if found is not None and found.is_fresh(self._clock()) and found != current:
            return found
        run_refresh_worker(self._request(found.fingerprint if found else ""))
        latest = self._stored_token()
        if latest is None or latest == found:
            raise CredentialsError(f"refreshing {self.origin} brought no other access token")
        return latest

    def _stored_token(self) -> AccessToken | None:
        return self.stored_tokens().access

    def _request(self, unwanted: str) -> RefreshRequest:
        return RefreshRequest(
            path=str(self._file.path.absolute()),
            org_id=self.org_id,
            platform_url=self._platform_url,
            unwanted=unwanted,
        )


class PipelineRefreshToken(StoredSignIn):
    """The source for `PARALLEL_REFRESH_TOKEN`. The save command gets each later refresh token."""

    def __init__(self, file: SignInFile, platform_url: str, pipeline: Pipeline) -> None:
        super().__init__(file, PIPELINE_ORG, platform_url)
        self.origin = "PARALLEL_REFRESH_TOKEN"
        self._pipeline = pipeline

    def _stored_token(self) -> AccessToken | None:
        try:
            document = self._file.read()
        except NoSignInFileError:
            return None
        return document.tokens(self.org_id).access if is_saved(document) else None

    def _request(self, unwanted: str) -> RefreshRequest:
        return super()._request(unwanted).model_copy(update={"pipeline": self._pipeline})


def stored_source(settings: Settings) -> StoredSignIn:
    """Return the source for the sign-in file. Raises CredentialsError if it can't be used."""
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


def pipeline_source(settings: Settings, refresh_token: SecretStr) -> PipelineRefreshToken:
    """Return the source for a refresh token of the environment. Raises SettingsError."""
    save_command = settings.save_command
    if save_command is None:
        raise SettingsError(
            f"PARALLEL_REFRESH_TOKEN needs {SAVE_COMMAND_SETTING}: a refresh token can be used "
            "once, and the command gets the next one on its standard input, to keep it for the "
            "next run"
        )
    Command.parse(save_command, SAVE_COMMAND_SETTING)
    client_id = settings.client_id
    if client_id is None:
        # The token may be of the client that signs in on this machine.
        try:
            client_id = SignInFile(settings.auth_file).read().client_id
        except CredentialsError:
            client_id = None
    name = f"{PIPELINE_FILE_PREFIX}{fingerprint(refresh_token)[:32]}.json"
    return PipelineRefreshToken(
        SignInFile(settings.auth_file.parent / name),
        settings.platform_url,
        Pipeline(refresh_token=refresh_token, client_id=client_id, save_command=save_command),
    )


def run_refresh_worker(request: RefreshRequest) -> None:
    """Start the worker and wait until it has ended. Raises CredentialsError if it failed."""
    worker = _start_worker()
    try:
        # If this wait is interrupted, the worker goes on.
        output, _ = worker.communicate(json.dumps(plain(request)).encode(), WORKER_SECONDS)
    except subprocess.TimeoutExpired:
        raise CredentialsError(
            f"the refresh of the sign-in hasn't ended after {WORKER_SECONDS:.0f} seconds "
            f"(process {worker.pid} goes on with it): try again later"
        ) from None
    try:
        report = RefreshReport.model_validate_json(output)
    except ValueError:
        raise CredentialsError(
            f"the process that refreshes the sign-in was ended (exit code {worker.returncode}): "
            "try again; if that fails, run `parallel-provider login`"
        ) from None
    for message in report.messages:
        show_on_standard_error(message)
    if report.error is not None:
        raise CredentialsError(report.error)


def _start_worker() -> subprocess.Popen[bytes]:
    # `-I`: no PYTHONPATH, no user's packages and no current folder. All paths that this process
    # needs come after the standard library, so that no module of the user's project hides one.
    command = [sys.executable, "-I", "-c", _WORKER, PACKAGE_FILE, *import_paths()]
    return subprocess.Popen(  # noqa: S603 (this interpreter, this package)
        command,
        env=environment_for_commands(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

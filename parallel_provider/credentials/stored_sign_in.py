"""The sign-in file as a source of access tokens. A process of its own refreshes it.

A refresh token can be used once. If this process used it, a Ctrl-C or a kill between the server's
answer and the write to the file would lose the sign-in. So `refresh_worker` does this in its own
session, which isn't ended together with this program's terminal or process group. It gets tokens
from the file or on its standard input; its arguments and environment hold none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from pydantic import Field, SecretStr

from parallel_provider.commands import environment_for_commands, show_on_standard_error
from parallel_provider.credentials.sign_in_document import StoredTokens
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.tokens import AccessToken, Clock, RenewingSource
from parallel_provider.errors import CredentialsError
from parallel_provider.isolation import PACKAGE_FILE, import_paths
from parallel_provider.model import Model, plain

# More than the worker needs for a lock, three requests and a save command.
WORKER_SECONDS = 300.0

# Windows has no sessions. On other systems, `start_new_session` does this.
if sys.platform == "win32":
    _DETACHED = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _DETACHED = 0

# The first argument is this package's file: what is installed elsewhere may be another version.
_WORKER = """\
import importlib.util
import sys
sys.path += [path for path in sys.argv[2:] if path not in sys.path]
spec = importlib.util.spec_from_file_location("parallel_provider", sys.argv[1])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
from parallel_provider.credentials.refresh_worker import main
sys.exit(main())
"""


class PipelineRequest(Model):
    """What the worker also needs if the refresh token came from the environment."""

    refresh_token: SecretStr
    client_id: str | None
    save_command: str


class RefreshRequest(Model):
    """What the worker shall do: replace the access token that has the fingerprint `unwanted`."""

    path: str
    org_id: str
    platform_url: str
    unwanted: str
    pipeline: PipelineRequest | None = None


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
        if found is not None and found.is_fresh(self._clock()) and _differ(found, current):
            return found
        with self._file.refresh_lock():
            # Another process may have refreshed while this one waited for the lock.
            latest = self._stored_token()
            if latest is None or latest.is_expired(self._clock()) or not _differ(latest, found):
                run_refresh_worker(self._request(latest.fingerprint if latest else ""))
                latest = self._stored_token()
        if latest is None or not _differ(latest, found):
            raise CredentialsError(f"refreshing {self.origin} brought no other access token")
        return AccessToken.just_issued(latest.value, latest.expires_at, self._clock())

    def _stored_token(self) -> AccessToken | None:
        return self.stored_tokens().access

    def _request(self, unwanted: str) -> RefreshRequest:
        return RefreshRequest(
            path=str(self._file.path.absolute()),
            org_id=self.org_id,
            platform_url=self._platform_url,
            unwanted=unwanted,
        )


def _differ(token: AccessToken, other: AccessToken | None) -> bool:
    return other is None or token.fingerprint != other.fingerprint


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
        report = RefreshReport.model_validate(json.loads(output))
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
        creationflags=_DETACHED,
    )

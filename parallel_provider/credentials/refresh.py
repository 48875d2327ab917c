"""The process that refreshes a sign-in: it stores the new pair of tokens before anybody uses it.

Only `stored_sign_in` starts it. It reads one RefreshRequest from its standard input and prints one
RefreshReport. If the request isn't complete, the program that sent it has been ended, and nothing
is done.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from parallel_provider.commands import Command, run_command
from parallel_provider.credentials.oauth import FALLBACK_CLIENT_ID, SignInServer, TokenGrant
from parallel_provider.credentials.sign_in_file import Document, SignInFile, StoredTokens
from parallel_provider.credentials.stored_sign_in import (
    PIPELINE_FILE_PREFIX,
    PIPELINE_ORG,
    SAVE_COMMAND_SETTING,
    RefreshReport,
    RefreshRequest,
    is_saved,
    with_saved,
)
from parallel_provider.credentials.tokens import LOGIN_HINT, Clock, moment
from parallel_provider.errors import (
    CredentialsError,
    NoSignInFileError,
    OAuthError,
    ParallelError,
    SignInUnavailableError,
)
from parallel_provider.model import plain

PIPELINE_HINT = (
    "run `parallel-provider login --print-refresh-token` somewhere with a browser, and put what it "
    "prints in the token's place"
)
ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 10.0
# The official client writes its file within this time after its own refresh.
OTHER_PROGRAM_SECONDS = 3.0
_POLL_SECONDS = 0.1
_PIPELINE_FILE = re.compile(rf"{PIPELINE_FILE_PREFIX}[0-9a-f]{{32}}\.json")
_OLD_SECONDS = 24 * 60 * 60.0


@dataclass(frozen=True)
class Refresh:
    """One refresh of one organization's tokens in one file.

    A pipeline's file starts with `initial`, and `save` must have got the new refresh token before
    a token of the file is used.
    """

    file: SignInFile
    org_id: str
    server: SignInServer
    initial: Document | None = None
    save: Callable[[SecretStr], None] | None = None
    clock: Clock = time.time
    sleep: Callable[[float], None] = time.sleep

    def ensure_token_other_than(self, unwanted: str) -> None:
        """Make sure that the file has an access token that isn't expired and isn't `unwanted`.

        `unwanted` is a fingerprint, "" for none. Raises CredentialsError.
        """
        refreshed = True
        with self.file.locked():
            document = self._read()
            if not self._has_token_other_than(document, unwanted):
                refreshed = self._refresh(document)
            if self.save is not None:
                self._save(self.save)
        if not refreshed:
            raise CredentialsError(
                f"the sign-in of organization {self.org_id} was refreshed, and the answer had no "
                "access token for it that can be used; its refresh token is stored: try again. If "
                f"that fails, {self._hint}"
            )

    @property
    def _hint(self) -> str:
        """What a person can do if the refresh token can't be used any more."""
        return LOGIN_HINT if self.save is None else PIPELINE_HINT

    def _read(self) -> Document:
        try:
            return self.file.read()
        except NoSignInFileError:
            if self.initial is None:
                raise
            return self.initial

    def _read_again(self, before: Document) -> Document:
        """Read the file after the answer. One that is damaged now must not lose the new pair."""
        try:
            return self._read()
        except NoSignInFileError:
            raise
        except CredentialsError:
            return before

    def _has_token_other_than(self, document: Document, unwanted: str) -> bool:
        token = document.tokens(self.org_id).access
        return (
            token is not None
            and token.fingerprint != unwanted
            and not token.is_expired(self.clock())
        )

    def _refresh(self, document: Document) -> bool:
        """Store the server's answer, and return whether it had an access token."""
        tokens = document.tokens(self.org_id)
        used = tokens.refresh_token
        if used is None:
            raise CredentialsError(
                f"the access token of organization {self.org_id} has ended, and "
                f"{self.file.path} has no refresh token for it: {LOGIN_HINT}"
            )
        # What stores the next pair is tried before the refresh token is used.
        with self.file.prepare_write(document) as store:
            if self.save is not None:
                self.save(used)
            try:
                grant = self._ask(document.client_id or FALLBACK_CLIENT_ID, used)
            except OAuthError as error:
                if self._other_program_has_refreshed(tokens):
                    return True
                raise self._refusal(error, tokens) from None
            # The official client takes no lock. What it has written meanwhile is kept.
            latest = self._read_again(document)
            if latest.tokens(self.org_id).refresh_token != used:
                return True  # somebody has signed in again, and those tokens are newer
            if self.save is None and grant.org_id not in (None, self.org_id):
                grant = TokenGrant(access_token=None, refresh_token=grant.refresh_token)
            # Stored before any error is raised: the refresh token can't be used again.
            store(latest.with_grant(self.org_id, grant, self.clock()))
        return grant.access_token is not None

    def _ask(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Send the request, and send it again if the answer is lost.

        If the server carried out the lost one, it refuses the next with `invalid_grant`.
        """
        lost: SignInUnavailableError | None = None
        attempt = 1
        while True:
            try:
                return self.server.refresh(client_id, refresh_token)
            except SignInUnavailableError as error:
                if attempt == ATTEMPTS:
                    raise
                lost = error if error.may_have_worked else lost
                wait = 0.5 * attempt if error.retry_after is None else error.retry_after
                self.sleep(min(LONGEST_WAIT_SECONDS, wait))
            except OAuthError as error:
                if lost is None:
                    raise
                raise OAuthError(
                    f"the answer to a refresh was lost on its way ({lost}), and a refresh token "
                    f"can be used once: {self._hint}",
                    code="answer_lost",
                ) from error
            attempt += 1

    def _other_program_has_refreshed(self, used: StoredTokens) -> bool:
        """Wait a moment for the file of a program that may have used the refresh token first."""
        deadline = self.clock()
        if self.save is None and _ended_part(used, deadline) is None:
            deadline += OTHER_PROGRAM_SECONDS
        unwanted = used.access.fingerprint if used.access else ""
        while not self._has_token_other_than(self._read(), unwanted):
            if self.clock() >= deadline:
                return False
            self.sleep(_POLL_SECONDS)
        return True

    def _refusal(self, error: OAuthError, tokens: StoredTokens) -> CredentialsError:
        """Return an error that says why the server refused, and what to do."""
        if error.code in ("invalid_client", "unauthorized_client"):
            return CredentialsError(f"{error}: {self._hint}")
        if error.code != "invalid_grant":
            return error
        if self.save is not None:
            return CredentialsError(
                "the refresh token isn't accepted any more (invalid_grant): it was revoked, or "
                "used by a run at the same time, or by one that couldn't store its successor: "
                f"{PIPELINE_HINT}"
            )
        ended = _ended_part(tokens, self.clock())
        if ended is not None:
            return CredentialsError(
                f"the sign-in of organization {self.org_id} has ended ({ended}): {LOGIN_HINT}"
            )
        return CredentialsError(
            f"the sign-in of organization {self.org_id} isn't accepted any more (invalid_grant): "
            f"it was revoked, or another program has used its refresh token: {LOGIN_HINT}"
        )

    def _save(self, save: Callable[[SecretStr], None]) -> None:
        document = self._read()
        token = document.tokens(self.org_id).refresh_token
        if token is not None and not is_saved(document):
            save(token)
            self.file.write(with_saved(document, token))


def _ended_part(tokens: StoredTokens, now: float) -> str | None:
    """Return the part that has expired, and when, if a refresh can't work any more."""
    end = tokens.end
    return f"its {end[1]}, {moment(end[0])}" if end is not None and end[0] <= now else None


def main() -> int:
    """Do what the request says, and print how it went."""
    # A refresh that has begun must be finished. It takes seconds, and each step has a limit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        request = RefreshRequest.model_validate_json(sys.stdin.buffer.read())
    except ValueError:
        return 2
    messages: list[str] = []
    error: str | None = None
    try:
        _carry_out(request, messages)
    except ParallelError as problem:
        error = str(problem)
    except Exception as problem:  # noqa: BLE001 (only its type is reported: its text may hold a token)
        error = f"the refresh failed unexpectedly ({type(problem).__name__})"
    # The program that waits for the report may have been ended.
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(plain(RefreshReport(error=error, messages=messages))))
        sys.stdout.flush()
    return 0


def _carry_out(request: RefreshRequest, messages: list[str]) -> None:
    file = SignInFile(Path(request.path))
    with SignInServer(request.platform_url) as server:
        refresh = Refresh(file, request.org_id, server)
        if request.pipeline is not None:
            command = Command.parse(request.pipeline.save_command, SAVE_COMMAND_SETTING)

            def save(token: SecretStr) -> None:
                text = token.get_secret_value()
                # Without a line end: many secret stores would keep it as a part of the value.
                run_command(
                    command, standard_input=text.encode(), show=messages.append, secrets=[text]
                )

            initial = request.pipeline.initial_document()
            refresh = Refresh(file, PIPELINE_ORG, server, initial=initial, save=save)
        refresh.ensure_token_other_than(request.unwanted)
    if request.pipeline is not None:
        remove_old_pipeline_files(file.path)


def remove_old_pipeline_files(path: Path) -> None:
    """Remove the files of runs that ended long ago; `path` is the file of the current run."""
    too_old = time.time() - _OLD_SECONDS
    with contextlib.suppress(OSError):
        for other in list(path.parent.iterdir()):
            # A file that can't be removed is left, and the others are still removed.
            with contextlib.suppress(OSError):
                if (
                    other != path
                    and _PIPELINE_FILE.fullmatch(other.name)
                    and other.lstat().st_mtime < too_old
                ):
                    other.unlink()
                    other.with_name(f"{other.name}.lock").unlink(missing_ok=True)

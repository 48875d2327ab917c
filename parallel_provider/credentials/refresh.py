"""Exchange a refresh token for a new pair, and store the pair before anybody uses it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import tenacity
from pydantic import SecretStr

from parallel_provider.credentials.hints import LOGIN_HINT, PIPELINE_HINT
from parallel_provider.credentials.oauth import FALLBACK_CLIENT_ID
from parallel_provider.credentials.oauth_models import TokenGrant
from parallel_provider.credentials.pipeline import PIPELINE_ORG, is_saved, with_saved
from parallel_provider.credentials.sign_in_document import Document, StoredTokens
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.times import moment
from parallel_provider.credentials.tokens import Clock
from parallel_provider.errors import (
    CredentialsError,
    NoSignInFileError,
    OAuthError,
    SignInUnavailableError,
)
from parallel_provider.printable import printable

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 10.0
# The official client writes its file within this time after its own refresh.
OTHER_PROGRAM_SECONDS = 3.0
_POLL_SECONDS = 0.1


class RefreshServer(Protocol):
    """The part of `SignInServer` that a refresh uses."""

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Return the next pair of tokens."""


@dataclass(frozen=True)
class Refresh:
    """One refresh of one organization's tokens in one file.

    The last four fields are for a pipeline and for tests. A pipeline's file starts with `initial`,
    and `save` must have got the new refresh token before a token of the file is used.
    """

    file: SignInFile
    org_id: str
    server: RefreshServer
    initial: Document | None = None
    save: Callable[[SecretStr], None] | None = None
    clock: Clock = time.time
    sleep: Callable[[float], None] = time.sleep

    def ensure_token_other_than(self, unwanted: str) -> None:
        """Make sure that the file has an access token that isn't expired and isn't `unwanted`.

        `unwanted` is a fingerprint, "" for none. Raises CredentialsError.
        """
        problem: CredentialsError | None = None
        with self.file.locked():
            document = self._read()
            if not self._has_token_other_than(document, unwanted):
                problem = self._refresh(document)
            if self.save is not None:
                self._save(self.save)
        if problem is not None:
            raise problem

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

    def _refresh(self, document: Document) -> CredentialsError | None:
        """Store the server's answer, and return what is wrong with it."""
        tokens = document.tokens(self.org_id)
        used = tokens.refresh_token
        if used is None:
            raise CredentialsError(
                f"the access token of organization {self.org_id} has ended, and "
                f"{self.file.path} has no refresh token for it: {LOGIN_HINT}"
            )
        # What stores the next pair is tried before the refresh token is used.
        with self.file.prepare_write(document, rehearsed=True) as write:
            if self.save is not None:
                self.save(used)
            try:
                grant = self._ask(document.client_id or FALLBACK_CLIENT_ID, used)
            except OAuthError as error:
                if self.initial is not None:
                    raise _error_for_pipeline(error) from None
                if self._other_program_has_refreshed(tokens):
                    return None
                raise _error_for_person(error, tokens, self.org_id, self.clock()) from None
            # The official client takes no lock. What it has written meanwhile is kept.
            latest = self._read_again(document)
            if latest.tokens(self.org_id).refresh_token != used:
                return None  # somebody has signed in again, and those tokens are newer
            # Stored before any error is raised: the refresh token can't be used again.
            new, problem = _with_answer(latest, self.org_id, grant, self.clock())
            write.commit(new.dump())
        return problem

    def _ask(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Send the request, and send it again if the answer is lost.

        If the server carried out the lost one, it refuses the next with `invalid_grant`.
        """
        lost: SignInUnavailableError | None = None

        def ask() -> TokenGrant:
            nonlocal lost
            try:
                return self.server.refresh(client_id, refresh_token)
            except SignInUnavailableError as error:
                lost = error if error.may_have_worked else lost
                raise

        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(SignInUnavailableError),
                stop=tenacity.stop_after_attempt(ATTEMPTS),
                wait=_wait,
                sleep=self.sleep,
                reraise=True,
            )(ask)
        except OAuthError as error:
            if lost is None:
                raise
            raise OAuthError(
                f"the answer to a refresh was lost on its way ({lost}), and a refresh token can "
                f"be used once: {LOGIN_HINT if self.initial is None else PIPELINE_HINT}",
                code="answer_lost",
            ) from error

    def _other_program_has_refreshed(self, used: StoredTokens) -> bool:
        """Wait a moment for the file of a program that may have used the refresh token first."""
        deadline = self.clock()
        if _expired_part(used, deadline) is None:
            deadline += OTHER_PROGRAM_SECONDS
        unwanted = used.access.fingerprint if used.access else ""
        while not self._has_token_other_than(self._read(), unwanted):
            if self.clock() >= deadline:
                return False
            self.sleep(_POLL_SECONDS)
        return True

    def _save(self, save: Callable[[SecretStr], None]) -> None:
        document = self._read()
        token = document.tokens(self.org_id).refresh_token
        if token is None or is_saved(document, document.tokens(self.org_id)):
            return
        save(token)
        self.file.write(with_saved(document, token))


def _with_answer(
    document: Document, org_id: str, grant: TokenGrant, now: float
) -> tuple[Document, CredentialsError | None]:
    """Return what to store after the answer to a refresh, and what is wrong with that answer.

    A new refresh token is always stored, as the one that was sent can't be used again.
    """
    problem = None
    if grant.org_id not in (None, org_id) and org_id != PIPELINE_ORG:
        problem = CredentialsError(
            f"the sign-in of organization {org_id} was answered with a token for "
            f"{printable(str(grant.org_id))}, which isn't used: {LOGIN_HINT} and choose {org_id}"
        )
        grant = TokenGrant(access_token=None, refresh_token=grant.refresh_token)
    elif grant.access_token is None:
        problem = CredentialsError(
            f"the sign-in of organization {org_id} was refreshed, and the answer had no access "
            "token that can be used; its refresh token is stored: try again"
        )
    return document.with_grant(org_id, grant, now), problem


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, SignInUnavailableError) else None
    return min(LONGEST_WAIT_SECONDS, asked if asked is not None else 0.5 * state.attempt_number)


def _expired_part(tokens: StoredTokens, now: float) -> str | None:
    """Return the part that has expired, and when, if a refresh can't work any more."""
    end = tokens.refresh_end
    return f"its {end[1]}, {moment(end[0])}" if end is not None and end[0] <= now else None


def _error_for_person(
    error: OAuthError, tokens: StoredTokens, org_id: str, now: float
) -> CredentialsError:
    """Return an error that says why the server refused, and what to do."""
    if error.code == "invalid_grant":
        expired = _expired_part(tokens, now)
        if expired is not None:
            return CredentialsError(
                f"the sign-in of organization {org_id} has ended ({expired}): {LOGIN_HINT}"
            )
        return CredentialsError(
            f"the sign-in of organization {org_id} isn't accepted any more (invalid_grant): "
            f"it was revoked, or another program has used its refresh token: {LOGIN_HINT}"
        )
    if error.code in ("invalid_client", "unauthorized_client"):
        return CredentialsError(f"{error}: {LOGIN_HINT}")
    return error


def _error_for_pipeline(error: OAuthError) -> CredentialsError:
    """Return such an error for a pipeline, where nobody can sign in."""
    if error.code == "invalid_grant":
        return CredentialsError(
            "the refresh token isn't accepted any more (invalid_grant): it was revoked, or used by "
            "a run at the same time, or by one that couldn't store its successor: "
            f"{PIPELINE_HINT}"
        )
    if error.code in ("invalid_client", "unauthorized_client"):
        return CredentialsError(f"{error}: {PIPELINE_HINT}")
    return error

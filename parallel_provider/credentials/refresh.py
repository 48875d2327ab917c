"""Use a refresh token up, once, and store what it brings before anybody uses it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import tenacity
from pydantic import SecretStr

from parallel_provider.credentials.document import UNKNOWN_ORG, Document, StoredTokens
from parallel_provider.credentials.errors import (
    LOGIN_HINT,
    PIPELINE_HINT,
    OAuthError,
    SignInUnavailableError,
)
from parallel_provider.credentials.models import FALLBACK_CLIENT_ID, TokenGrant
from parallel_provider.credentials.pipeline_file import PIPELINE_ORG, is_saved, with_saved
from parallel_provider.credentials.store import SignInFile
from parallel_provider.credentials.wording import moment
from parallel_provider.errors import CredentialsError, NoSignInFileError
from parallel_provider.printable import printable

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 10.0
# What the official client needs, at most, between its own refresh and its file.
OTHER_PROGRAM_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.1


class RefreshServer(Protocol):
    """What a refresh needs of `SignInServer`."""

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Return the next pair of tokens."""


@dataclass(frozen=True)
class Timing:
    """The clock (epoch seconds) and the pause."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Refresh:
    """One refresh of one organization's tokens in one file.

    A pipeline's file is begun with `seed`, and its tokens don't count before `save` has got the
    new refresh token.
    """

    file: SignInFile
    org_id: str
    server: RefreshServer
    seed: Document | None = None
    save: Callable[[SecretStr], None] | None = None
    timing: Timing = Timing()

    def ensure_token_other_than(self, stale: str) -> None:
        """Leave a live access token in the file whose fingerprint isn't `stale`.

        Raises CredentialsError.
        """
        problem: CredentialsError | None = None
        with self.file.locked():
            document = self._read()
            if not self._has_token_other_than(document, stale):
                problem = self._refresh(document)
            if self.save is not None:
                self._save(self.save)
        if problem is not None:
            raise problem

    def _read(self) -> Document:
        try:
            return self.file.read()
        except NoSignInFileError:
            if self.seed is None:
                raise
            return self.seed

    def _has_token_other_than(self, document: Document, stale: str) -> bool:
        token = document.tokens(self.org_id).access
        return (
            token is not None and token.fingerprint != stale and token.is_alive(self.timing.clock())
        )

    def _refresh(self, document: Document) -> CredentialsError | None:
        """Store what the server answers, and return what is wrong with it."""
        tokens = document.tokens(self.org_id)
        used = tokens.refresh_token
        if used is None:
            raise CredentialsError(
                f"the access token of organization {self.org_id} has ended, and "
                f"{self.file.path} has no refresh token for it: {LOGIN_HINT}"
            )
        # From here on the next pair has a place on the disk, whatever else fills it.
        with self.file.replacing(document) as replacement:
            try:
                grant = self._ask(document.client_id or FALLBACK_CLIENT_ID, used)
            except OAuthError as error:
                if self.seed is not None:
                    raise _explained_to_pipeline(error) from None
                if self._other_program_has_refreshed(tokens):
                    return None
                raise _explained(error, tokens, self.org_id, self.timing.clock()) from None
            # The official client takes no lock: whatever it has written meanwhile is kept.
            latest = self._read()
            if latest.tokens(self.org_id).refresh_token != used:
                return None  # a new sign-in, which counts for more than a refresh of the old one
            # On the disk before anything is made of it: the token that was sent is used up.
            kept, problem = _kept(latest, self.org_id, used, grant, self.timing.clock())
            replacement.commit(kept.dump())
        return problem

    def _ask(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Ask, and again where the answer was lost: if the token was used up, that is said then."""
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
                sleep=self.timing.sleep,
                reraise=True,
            )(ask)
        except OAuthError as error:
            if lost is None:
                raise
            raise OAuthError(
                f"the answer to a refresh was lost on its way ({lost}), and a refresh token can "
                f"be used once: {LOGIN_HINT if self.seed is None else PIPELINE_HINT}",
                code="answer_lost",
            ) from error

    def _other_program_has_refreshed(self, used: StoredTokens) -> bool:
        """Wait a moment for a program that has used the token first to write what it got."""
        deadline = self.timing.clock()
        if _ended_part(used, deadline) is None:
            deadline += OTHER_PROGRAM_SECONDS
        stale = used.access.fingerprint if used.access else ""
        while not self._has_token_other_than(self._read(), stale):
            if self.timing.clock() >= deadline:
                return False
            self.timing.sleep(_LOOK_AGAIN_SECONDS)
        return True

    def _save(self, save: Callable[[SecretStr], None]) -> None:
        document = self._read()
        token = document.tokens(self.org_id).refresh_token
        if token is None or is_saved(document, document.tokens(self.org_id)):
            return
        save(token)
        self.file.replace(with_saved(document, token))


def _kept(
    document: Document, org_id: str, used: SecretStr, grant: TokenGrant, now: float
) -> tuple[Document, CredentialsError | None]:
    """Return what to store after the answer to a refresh, and what is wrong with that answer."""
    # A pipeline's file, and a sign-in whose answer named no organization, belong to whichever.
    anonymous = org_id in (PIPELINE_ORG, UNKNOWN_ORG)
    other_org = None if anonymous or grant.org_id in (None, org_id) else grant.org_id
    if other_org is not None:
        told = (
            f"the sign-in of organization {org_id} was answered with a token for "
            f"{printable(other_org)}, which isn't used here"
        )
        if grant.refresh_token in (None, used):
            return document, CredentialsError(f"{told}: {LOGIN_HINT}")
        # Under its own organization, as a sign-in to that one would be. What was used up goes: a
        # second use would make a strict server end the new pair too.
        moved = document.without_sign_in(org_id).with_grant(other_org, grant, now)
        return moved, CredentialsError(
            f"{told}; it is stored as the sign-in of {printable(other_org)}, and that of {org_id} "
            f"has ended: {LOGIN_HINT} and choose {org_id}"
        )
    problem = None
    if grant.access_token is None:
        problem = CredentialsError(
            f"the sign-in of organization {org_id} was refreshed, and the answer had no access "
            "token that can be used; its refresh token is stored: try again"
        )
    return document.with_grant(org_id, grant, now), problem


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, SignInUnavailableError) else None
    return min(LONGEST_WAIT_SECONDS, asked if asked is not None else 0.5 * state.attempt_number)


def _ended_part(tokens: StoredTokens, now: float) -> str | None:
    """Name what has ended by the file's own account, so that no refresh could have helped."""
    for what, end in (
        ("authorization", tokens.authorization_expires_at),
        ("refresh token", tokens.refresh_token_expires_at),
    ):
        if end is not None and end <= now:
            return f"its {what}, {moment(end)}"
    return None


def _explained(
    error: OAuthError, tokens: StoredTokens, org_id: str, now: float
) -> CredentialsError:
    """Say in a person's words why the server refused, and what to do."""
    if error.code == "invalid_grant":
        ended = _ended_part(tokens, now)
        if ended is not None:
            return CredentialsError(
                f"the sign-in of organization {org_id} has ended ({ended}): {LOGIN_HINT}"
            )
        return CredentialsError(
            f"the sign-in of organization {org_id} isn't accepted any more (invalid_grant): "
            f"it was revoked, or another program has used its refresh token: {LOGIN_HINT}"
        )
    if error.code in ("invalid_client", "unauthorized_client"):
        return CredentialsError(f"{error}: {LOGIN_HINT}")
    return error


def _explained_to_pipeline(error: OAuthError) -> CredentialsError:
    """Nobody else writes a pipeline's file: there is nothing to wait for, and nobody to sign in."""
    if error.code == "invalid_grant":
        return CredentialsError(
            "the refresh token isn't accepted any more (invalid_grant): it was revoked, or used by "
            "a run at the same time, or by one that couldn't store its successor: "
            f"{PIPELINE_HINT}"
        )
    if error.code in ("invalid_client", "unauthorized_client"):
        return CredentialsError(f"{error}: {PIPELINE_HINT}")
    return error

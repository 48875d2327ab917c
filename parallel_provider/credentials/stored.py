"""The stored sign-in, and the refresh token of a pipeline: sources that refresh themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from parallel_provider.commands import show_on_standard_error
from parallel_provider.credentials.document import StoredTokens
from parallel_provider.credentials.expiry import end_warning
from parallel_provider.credentials.pipeline_file import PIPELINE_ORG, is_saved, pipeline_path
from parallel_provider.credentials.refresh_process import (
    PipelineRefresh,
    RefreshRequest,
    refresh_in_own_process,
)
from parallel_provider.credentials.renewing import RenewingSource
from parallel_provider.credentials.store import SignInFile
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import CredentialsError, NoSignInFileError

Clock = Callable[[], float]
Show = Callable[[str], None]


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
            return None  # whoever needs a token from it will be told why
        return end_warning(tokens, self._clock())

    def _next_token(self, unwanted: AccessToken | None) -> AccessToken:
        found = self._usable_token()
        if found is not None and found.is_fresh(self._clock()) and _differ(found, unwanted):
            return found
        with self._file.queue():
            latest = self._usable_token()
            if latest is None or not latest.is_alive(self._clock()) or not _differ(latest, found):
                self._refresh(stale=latest.fingerprint if latest else "")
                latest = self._usable_token()
        if latest is None or not _differ(latest, found):
            raise CredentialsError(f"refreshing {self.origin} brought no other access token")
        return AccessToken.just_issued(latest.value, latest.expires_at, self._clock())

    def _usable_token(self) -> AccessToken | None:
        return self.stored_tokens().access

    def _refresh(self, stale: str) -> None:
        refresh_in_own_process(self._request(stale), show_on_standard_error)

    def _request(self, stale: str) -> RefreshRequest:
        return RefreshRequest(
            path=str(self._file.path.absolute()),
            org_id=self.org_id,
            platform_url=self._platform_url,
            stale=stale,
        )


class PipelineRefreshToken(StoredSignIn):
    """A refresh token from the environment; its successors go to the pipeline's own store."""

    def __init__(
        self,
        auth_file: Path,
        platform_url: str,
        pipeline: PipelineRefresh,
        *,
        clock: Clock = time.time,
    ) -> None:
        path = pipeline_path(auth_file, pipeline.refresh_token)
        super().__init__(SignInFile(path), PIPELINE_ORG, platform_url, clock=clock)
        self.origin = "PARALLEL_REFRESH_TOKEN"
        self._pipeline = pipeline

    def _usable_token(self) -> AccessToken | None:
        try:
            document = self._file.read()
        except NoSignInFileError:
            return None
        tokens = document.tokens(self.org_id)
        return tokens.access if is_saved(document, tokens) else None

    def _request(self, stale: str) -> RefreshRequest:
        return msgspec.structs.replace(super()._request(stale), pipeline=self._pipeline)


def _differ(token: AccessToken, other: AccessToken | None) -> bool:
    return other is None or token.value != other.value

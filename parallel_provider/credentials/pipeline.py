"""A refresh token from the environment, for pipelines that keep it in a secret store.

One run of a pipeline has several processes, and `pulumi up` alone starts some. They all have the
same `PARALLEL_REFRESH_TOKEN`, which only the first one can use. So the processes of a run share the
tokens that came of it in a private file beside the sign-in file, named after the fingerprint of
`PARALLEL_REFRESH_TOKEN`. It has the format of the sign-in file.
"""

from __future__ import annotations

import contextlib
import re
import stat
import time
from pathlib import Path

from pydantic import SecretStr

from parallel_provider.credentials.sign_in_document import (
    VERSION,
    Document,
    StoredTokens,
    UnusableDocumentError,
)
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.stored_sign_in import (
    PipelineRequest,
    RefreshRequest,
    StoredSignIn,
)
from parallel_provider.credentials.tokens import AccessToken, Clock, fingerprint
from parallel_provider.errors import NoSignInFileError

# The file's only organization. Its real id isn't known before the first answer.
PIPELINE_ORG = "pipeline"
# The field with the fingerprint of the refresh token that the save command got last.
_SAVED = "saved_refresh_token_sha256"
_PREFIX = "pipeline-"
_NAME = re.compile(rf"{_PREFIX}[0-9a-f]{{32}}\.json")
_OLD_SECONDS = 24 * 60 * 60.0


class PipelineRefreshToken(StoredSignIn):
    """The source for `PARALLEL_REFRESH_TOKEN`. The save command gets each later refresh token."""

    def __init__(
        self,
        auth_file: Path,
        platform_url: str,
        pipeline: PipelineRequest,
        *,
        clock: Clock = time.time,
    ) -> None:
        path = pipeline_path(auth_file, pipeline.refresh_token)
        super().__init__(SignInFile(path), PIPELINE_ORG, platform_url, clock=clock)
        self.origin = "PARALLEL_REFRESH_TOKEN"
        self._pipeline = pipeline

    def _stored_token(self) -> AccessToken | None:
        try:
            document = self._file.read()
        except NoSignInFileError:
            return None
        tokens = document.tokens(self.org_id)
        return tokens.access if is_saved(document, tokens) else None

    def _request(self, unwanted: str) -> RefreshRequest:
        return super()._request(unwanted).model_copy(update={"pipeline": self._pipeline})


def pipeline_path(auth_file: Path, refresh_token: SecretStr) -> Path:
    """Return the file of the run that started with `refresh_token`."""
    return auth_file.parent / f"{_PREFIX}{fingerprint(refresh_token)[:32]}.json"


def initial_document(refresh_token: SecretStr, client_id: str | None) -> Document:
    """Return the content that such a file starts with."""
    tokens = {"refresh_token": refresh_token.get_secret_value()}
    return Document.from_raw(
        {
            "version": VERSION,
            "selected_org_id": PIPELINE_ORG,
            "client_id": client_id,
            "orgs": {PIPELINE_ORG: {"control_api": tokens}},
        }
    )


def is_saved(document: Document, tokens: StoredTokens) -> bool:
    """Say whether the save command has got the refresh token of `document`."""
    return tokens.refresh_token is not None and document.raw.get(_SAVED) == fingerprint(
        tokens.refresh_token
    )


def with_saved(document: Document, refresh_token: SecretStr) -> Document:
    """Return the content with a note that the save command has got `refresh_token`."""
    return document.with_values(**{_SAVED: fingerprint(refresh_token)})


def remove_old_files(path: Path) -> None:
    """Remove the files of runs that ended long ago; `path` is the file of the current run.

    Only files that this program has made are removed: both the name and the content must fit.
    """
    too_old = time.time() - _OLD_SECONDS
    with contextlib.suppress(OSError):
        for other in list(path.parent.iterdir()):
            if other.name != path.name and _NAME.fullmatch(other.name):
                # A file that can't be removed is left, and the others are still removed.
                with contextlib.suppress(OSError, UnusableDocumentError):
                    _remove_if_old(other, too_old)


def _remove_if_old(path: Path, too_old: float) -> None:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_mtime >= too_old:
        return
    if Document.parse(path.read_bytes()).selected_org_id != PIPELINE_ORG:
        return
    for suffix in ("", ".lock", ".refresh.lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

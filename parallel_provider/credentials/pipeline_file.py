"""Where the tokens of one pipeline run are shared by the processes of that run.

`pulumi up` alone is several processes, one after the other and side by side, and each finds the
same `PARALLEL_REFRESH_TOKEN` in its environment, long after it was used up. So the pair that came
of it is kept in a private file beside the sign-in file, named by the token's fingerprint.
"""

from __future__ import annotations

import contextlib
import re
import stat
import time
from pathlib import Path

from pydantic import SecretStr

from parallel_provider.credentials.document import (
    VERSION,
    Document,
    StoredTokens,
    UnusableDocumentError,
)
from parallel_provider.credentials.tokens import fingerprint

# The organization isn't known before the first answer, and there is only one.
PIPELINE_ORG = "pipeline"
# Beside the tokens: the fingerprint of the refresh token last handed to the pipeline's own store.
_SAVED = "saved_refresh_token_sha256"
_PREFIX = "pipeline-"
_NAME = re.compile(rf"{_PREFIX}[0-9a-f]{{32}}\.json")
_OLD_SECONDS = 24 * 60 * 60.0


def pipeline_path(auth_file: Path, refresh_token: SecretStr) -> Path:
    """Return the file of the run that began with `refresh_token`."""
    return auth_file.parent / f"{_PREFIX}{fingerprint(refresh_token)[:32]}.json"


def seed_document(refresh_token: SecretStr, client_id: str | None) -> Document:
    """Return the content that such a file begins with."""
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
    """Say whether the pipeline's own store has the refresh token of `document`."""
    return tokens.refresh_token is not None and document.raw.get(_SAVED) == fingerprint(
        tokens.refresh_token
    )


def with_saved(document: Document, refresh_token: SecretStr) -> Document:
    """Return the content that says so."""
    return document.with_values(**{_SAVED: fingerprint(refresh_token)})


def remove_old_files(path: Path) -> None:
    """Remove the files of other runs, over long ago; a machine may serve many.

    A file goes only if this program can have made it: by its whole name, and by its content.
    """
    too_old = time.time() - _OLD_SECONDS
    with contextlib.suppress(OSError):
        for other in list(path.parent.iterdir()):
            if other.name != path.name and _NAME.fullmatch(other.name):
                # One that can't be removed is left, and doesn't keep the others.
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

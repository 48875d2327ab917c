"""The texts of failures, which are one line each.

One cause can make many resources fail, such as an expired token or a server that can't be reached.
The first of them gets the whole text. The others get a short line that points to the first one.
"""

from __future__ import annotations

import re
import traceback
import weakref
from pathlib import Path

from parallel_provider.api import AuthenticationError, ConnectionFailedError, PermissionDeniedError
from parallel_provider.errors import (
    CredentialsError,
    ParallelError,
    SettingsError,
    WrongOrganizationError,
)
from parallel_provider.lifecycle.run import Run

# Errors that aren't about one resource, and whose text names nothing that may be left behind.
_COMMON = (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    PermissionDeniedError,
    SettingsError,
    WrongOrganizationError,
)
# The texts of one cause differ in these: ids in a path, and the server's reference.
_VARYING = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}| \[request [^\]]*\]")

# For each run and cause: the resource that got the whole text.
_first_reports: weakref.WeakKeyDictionary[Run, dict[str, str]] = weakref.WeakKeyDictionary()


def failure_text(run: Run, error: ParallelError, subject: str) -> str:
    """Return the text of a failure of `subject`, such as "ApiKey 'ci'"."""
    if not isinstance(error, _COMMON):
        return str(error)
    reports = _first_reports.setdefault(run, {})
    first = reports.setdefault(_VARYING.sub("", str(error)), subject)
    if first == subject:
        return str(error)
    return f"the same cause as for {first}: see its error"


def bug_text(error: Exception) -> str:
    """Return the place of an unexpected error. The error's own text may hold a secret."""
    # With a limit here, `sys.tracebacklimit` doesn't apply, which hides every frame.
    [last] = traceback.extract_tb(error.__traceback__, limit=-1)
    return (
        f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: "
        "this is a bug in parallel-provider, please report it with this line"
    )


def reason_of(error: Exception) -> str:
    """Return the text of an error of this package. The text of others may hold a secret."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"

"""Reports a failure in one line: what was being done, to which resource, and why.

One cause can make many resources fail, such as an expired token or a server that can't be reached.
The first of them gets the whole text. The others get a short line that points to the first one.
A name that the program gives as a secret is not shown, neither here nor in messages. The program
then sends the resource's own name as `resource_name`.
"""

from __future__ import annotations

import contextlib
import re
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from parallel_provider.api import AuthenticationError, ConnectionFailedError, PermissionDeniedError
from parallel_provider.dynamic._errors import (
    InternalError,
    ResourceError,
    with_configuration_hint,
)
from parallel_provider.dynamic._messages import hide, without_hidden
from parallel_provider.dynamic._names import has_secret_name, shown_name
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError
from parallel_provider.lifecycle.declarations import named_input
from parallel_provider.lifecycle.errors import WrongOrganizationError
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import Run

# These calls come in a refresh or a destroy too.
_ALSO_WITH_OLD_CONFIGURATION = ("reading", "comparing", "deleting")

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


@contextlib.contextmanager
def reporting(
    lifecycle: Lifecycle[Any, Any],
    run: Callable[[], Run],
    doing: str,
    *props: Mapping[str, Any],
) -> Iterator[None]:
    """Turn every error into a ParallelError of one line, which names the resource.

    The first of `props` has the resource's name now; the others have earlier names.
    """
    for each in props:
        if has_secret_name(lifecycle.inputs_type, each):
            hide(each.get(named_input(lifecycle.inputs_type) or ""))
    name = shown_name(lifecycle.inputs_type, props[0])
    subject = lifecycle.kind + (f" {name!r}" if name is not None else "")
    try:
        yield
    except ParallelError as error:
        text = without_hidden(_cause(run(), error, subject))
        if doing in _ALSO_WITH_OLD_CONFIGURATION:
            text = with_configuration_hint(text)
        raise ResourceError(f"{doing} {subject}: {text}") from None
    except Exception as error:  # noqa: BLE001 - a user must not see it
        # Its text may hold a secret.
        raise InternalError(f"{doing} {subject}: {_where(error)}") from None


def _cause(run: Run, error: ParallelError, subject: str) -> str:
    if not isinstance(error, _COMMON):
        return str(error)
    reports = _first_reports.setdefault(run, {})
    first = reports.setdefault(_VARYING.sub("", str(error)), subject)
    if first == subject:
        return str(error)
    return f"the same cause as for {first}: see its error"


def _where(error: Exception) -> str:
    # With a limit here, `sys.tracebacklimit` doesn't apply, which hides every frame.
    [last] = traceback.extract_tb(error.__traceback__, limit=-1)
    return (
        f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: "
        "this is a bug in parallel-provider, please report it with this line"
    )

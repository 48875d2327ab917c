"""One line for what failed: what was being done, to which resource, and why.

A cause that fails many resources alike (an expired token, a server that can't be reached) is told
in full for the first of them; for each other one, a short line points there. A name that the
program gave as a secret is shown neither here nor in messages: the program then sends the
resource's own name as `resource_name`.
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
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError
from parallel_provider.lifecycle.errors import WrongOrganizationError
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import Run

RESOURCE_NAME = "resource_name"
_NAME_DEFAULT = "default_"

# What a refresh and a destroy do.
_ALSO_WITH_OLD_CONFIGURATION = ("reading", "comparing", "deleting")

# Errors that are about no single resource, and after which nothing is left that a text would name.
_COMMON = (
    AuthenticationError,
    ConnectionFailedError,
    CredentialsError,
    PermissionDeniedError,
    SettingsError,
    WrongOrganizationError,
)
# What differs between the texts of one cause: ids in a path, and the server's reference.
_VARYING = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}| \[request [^\]]*\]")

# For each run: for each cause, the resource for which it was told in full.
_told: weakref.WeakKeyDictionary[Run, dict[str, str]] = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def reporting(
    lifecycle: Lifecycle[Any, Any],
    run: Callable[[], Run],
    doing: str,
    *props: Mapping[str, Any],
) -> Iterator[None]:
    """Say in one line what failed, for which resource; let nothing else out.

    The first of `props` names the resource; the others are what it was before.
    """
    for each in props:
        if _has_secret_name(lifecycle, each):
            hide(each.get(lifecycle.name_input))
    name = _shown_name(lifecycle, props[0])
    subject = lifecycle.kind + (f" {name!r}" if isinstance(name, str) else "")
    try:
        yield
    except ParallelError as error:
        text = without_hidden(_cause(run(), error, subject))
        if doing in _ALSO_WITH_OLD_CONFIGURATION:
            text = with_configuration_hint(text)
        raise ResourceError(f"{doing} {subject}: {text}") from None
    except Exception as error:  # noqa: BLE001 - the last stop before a user's terminal
        # Its text may hold anything, a secret too.
        raise InternalError(f"{doing} {subject}: {_where(error)}") from None


def _has_secret_name(lifecycle: Lifecycle[Any, Any], props: Mapping[str, Any]) -> bool:
    return lifecycle.name_input != RESOURCE_NAME and props.get(RESOURCE_NAME) is not None


def _shown_name(lifecycle: Lifecycle[Any, Any], props: Mapping[str, Any]) -> object:
    names = (RESOURCE_NAME, lifecycle.name_input, _NAME_DEFAULT + lifecycle.name_input)
    return next((props[name] for name in names if props.get(name) is not None), None)


def _cause(run: Run, error: ParallelError, subject: str) -> str:
    if not isinstance(error, _COMMON):
        return str(error)
    told = _told.setdefault(run, {})
    first = told.setdefault(_VARYING.sub("", str(error)), subject)
    if first == subject:
        return str(error)
    return f"the same cause as for {first}: see its error"


def _where(error: Exception) -> str:
    # Without a limit of its own it would keep to sys.tracebacklimit, which hides every frame here.
    [last] = traceback.extract_tb(error.__traceback__, limit=-1)
    return (
        f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: "
        "this is a bug in parallel-provider, please report it with this line"
    )

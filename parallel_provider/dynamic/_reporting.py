"""Reports a failure in one line: what was being done, to which resource, and why.

A name that the program gives as a secret is not shown, neither here nor in messages. The program
then sends the resource's own name as `resource_name`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from parallel_provider.dynamic._messages import with_configuration_hint
from parallel_provider.dynamic._names import has_secret_name, shown_name
from parallel_provider.errors import InternalError, ParallelError, ResourceError
from parallel_provider.lifecycle.declarations import named_input
from parallel_provider.lifecycle.failures import bug_text, failure_text
from parallel_provider.lifecycle.resource import Lifecycle, UnfinishedError
from parallel_provider.lifecycle.run import Run
from parallel_provider.printable import hide, line_for_user

# These calls come in a refresh or a destroy too.
_ALSO_WITH_OLD_CONFIGURATION = ("reading", "comparing", "deleting")


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
    subject = subject_of(lifecycle, props[0])
    try:
        with _without_unfinished():
            yield
    except ParallelError as error:
        text = failure_text(run(), error, subject)
        if doing in _ALSO_WITH_OLD_CONFIGURATION:
            text = with_configuration_hint(text)
        raise ResourceError(line_for_user(f"{doing} {subject}: {text}")) from None
    except Exception as error:  # noqa: BLE001 - a user must not see it
        raise InternalError(line_for_user(f"{doing} {subject}: {bug_text(error)}")) from None


def subject_of(lifecycle: Lifecycle[Any, Any], props: Mapping[str, Any]) -> str:
    """Return what messages call a resource, such as "ApiKey 'ci'"."""
    name = shown_name(lifecycle.inputs_type, props)
    return lifecycle.kind + (f" {name!r}" if name is not None else "")


@contextlib.contextmanager
def _without_unfinished() -> Iterator[None]:
    """Raise the error for the user: the SDK keeps no state of a call that failed."""
    try:
        yield
    except UnfinishedError as unfinished:
        raise unfinished.error from None

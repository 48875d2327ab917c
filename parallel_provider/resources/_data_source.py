"""How a data source runs: in the program, against the Account API, with one line for an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi

if TYPE_CHECKING:
    from parallel_provider.lifecycle.run import Run

Result = TypeVar("Result")


def ask(doing: str, question: Callable[[Run], Result]) -> Result:
    """Put a question to the Account API and wait for the answer.

    Raises pulumi.RunError, which Pulumi prints as one line.
    """
    from parallel_provider.dynamic import _session  # noqa: PLC0415 - heavy
    from parallel_provider.errors import ParallelError  # noqa: PLC0415 - goes with it

    try:
        run = _session.program_run()
        run.require_allowed_organization()
        return question(run)
    except ParallelError as error:
        raise pulumi.RunError(f"{doing}: {error}") from None


def ask_output(
    arguments: Mapping[str, pulumi.Input[Any]], call: Callable[..., Result]
) -> pulumi.Output[Result]:
    """Call a data source once its arguments are known, without holding up the program."""
    return pulumi.Output.from_input(dict(arguments)).apply(
        lambda known: asyncio.to_thread(call, **known)
    )

"""How a data source runs: in the program, against the Account API, with one line for an error.

In a unit test (`pulumi.runtime.set_mocks`) it asks the mocks, and never the network.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pulumi
from pulumi.runtime.mocks import MockCallArgs

from parallel_provider.resources import _program

if TYPE_CHECKING:
    from parallel_provider.lifecycle.run import Run

Result = TypeVar("Result")


def ask(doing: str, question: Callable[[Run], Result]) -> Result:
    """Put a question to the Account API and wait for the answer.

    Raises pulumi.RunError, which Pulumi prints as one line.
    """
    from parallel_provider.errors import ParallelError  # noqa: PLC0415 - for programs that ask

    program_run = _program.current()
    program_run.announce()
    try:
        run = program_run.run()
        run.require_allowed_organization()
        return question(run)
    except ParallelError as error:
        raise pulumi.RunError(f"{doing}: {error}") from None


def mocked(function: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the mocks of a unit test say a function answers; None if there are no mocks.

    They get `parallel:index:FUNCTION` and the arguments by their names in Python, and may answer
    by these names or as in other languages (`orgId`). Raises pulumi.RunError for the failures that
    they report.
    """
    mocks = _program.mocks()
    if mocks is None:
        return None
    token = f"parallel:index:{function}"
    said: Any = mocks.call(MockCallArgs(token=token, args=dict(arguments), provider=""))
    answer, failures = said if isinstance(said, tuple) else (said, None)
    if failures:
        reasons = "; ".join(f"{name} {reason}".strip() for name, reason in failures)
        raise pulumi.RunError(f"{token}: {reasons}")
    result: Mapping[str, Any] = answer or {}
    return result


def fields_of(kind: type, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a mock says for each field of a result; what it leaves out is None.

    As with other packages, a test needn't give what it doesn't look at.
    """
    named = {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", k): v for k, v in answer.items()}
    return {field.name: named.get(field.name) for field in dataclasses.fields(kind)}


def ask_output(
    arguments: Mapping[str, pulumi.Input[Any]], call: Callable[..., Result]
) -> pulumi.Output[Result]:
    """Call a data source once its arguments are known, without holding up the program."""
    given = pulumi.Output.from_input(dict(arguments))

    async def called(known: dict[str, Any]) -> Result:
        try:
            return await asyncio.to_thread(call, **known)
        except pulumi.RunError as error:
            if not await given.is_secret():
                raise
            from parallel_provider.printable import masked as without  # noqa: PLC0415

            secrets = [value for value in known.values() if isinstance(value, str)]
            raise pulumi.RunError(without(str(error), *secrets)) from None

    return given.apply(called)

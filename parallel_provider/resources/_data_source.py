"""Calls a function of the provider in the program's process.

In a unit test (`pulumi.runtime.set_mocks`) it asks the mocks, and never the network.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pulumi
from pulumi.runtime.mocks import MockCallArgs

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.isolation import import_own_modules
from parallel_provider.resources import _program
from parallel_provider.resources._properties import snake_case
from parallel_provider.sendable import require_sendable

Result = TypeVar("Result")


def invoke(function: str, doing: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call a function such as "getApp" and return its result, with names in snake_case.

    `doing` is what errors of the API say about the call. Raises pulumi.RunError, which Pulumi shows
    as one line.
    """
    mocks = _program.mocks()
    if mocks is not None:
        return _mocked(mocks, function, arguments)
    import_own_modules()
    from parallel_provider.lifecycle import function_of  # noqa: PLC0415 - heavy
    from parallel_provider.model import plain  # noqa: PLC0415

    called = function_of(function)
    program_run = _program.current()
    program_run.announce()
    try:
        run = program_run.run()
        result: dict[str, Any] = plain(
            called.call(run, called.inputs_type.model_validate(arguments))
        )
        require_sendable(result)
        return result
    except LifecycleError as error:
        raise _program.run_error(f"{snake_case(function)}: {error}") from None
    except ParallelError as error:
        raise _program.run_error(f"{doing}: {error}") from None


def _mocked(
    mocks: pulumi.runtime.Mocks, function: str, arguments: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what the mocks of a unit test answer for a function.

    They get `parallel:index:FUNCTION` and the arguments in snake_case. They may answer in
    snake_case or, as in other languages, in camelCase. Raises pulumi.RunError for the failures that
    they report.
    """
    token = f"parallel:index:{function}"
    said: Any = mocks.call(MockCallArgs(token=token, args=dict(arguments), provider=""))
    answer, failures = said if isinstance(said, tuple) else (said, None)
    if failures:
        reasons = "; ".join(f"{name} {reason}".strip() for name, reason in failures)
        raise _program.run_error(f"{token}: {reasons}")
    return answer or {}


def fields_of(kind: type, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer's value for each field of a result class.

    A value that isn't there is None: the mocks of a test needn't give what the test doesn't use.
    """
    named = {snake_case(name): value for name, value in answer.items()}
    return {field.name: named.get(field.name) for field in dataclasses.fields(kind)}


def ask_output(
    arguments: Mapping[str, pulumi.Input[Any]], call: Callable[..., Result]
) -> pulumi.Output[Result]:
    """Call a data source when its arguments are known, without blocking the program."""
    given = pulumi.Output.from_input(dict(arguments))

    async def called(known: dict[str, Any]) -> Result:
        try:
            return await asyncio.to_thread(call, **known)
        except pulumi.RunError as error:
            if not await given.is_secret():
                raise
            from parallel_provider.printable import masked as without  # noqa: PLC0415

            secrets = [value for value in known.values() if isinstance(value, str)]
            raise _program.run_error(without(str(error), *secrets)) from None

    return given.apply(called)

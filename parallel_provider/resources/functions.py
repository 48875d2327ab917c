"""The functions get_app, get_apps and get_balance, which run in the program's process.

In a unit test (`pulumi.runtime.set_mocks`) they ask the mocks, and never the network.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi
from pulumi.runtime.mocks import MockCallArgs

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.isolation import import_own_modules
from parallel_provider.printable import masked
from parallel_provider.resources import _program

Result = TypeVar("Result")


@dataclass(frozen=True)
class GetAppResult:
    """An app, and whose it is."""

    app_id: str
    app_name: str
    org_id: str
    org_name: str


@dataclass(frozen=True)
class GetAppsResult:
    """All apps, in the server's order."""

    apps: list[GetAppResult]


@dataclass(frozen=True)
class GetBalanceResult:
    """The prepaid balance, in US cents; both amounts are 0 where `will_invoice`."""

    org_id: str
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool


def get_app(*, app_name: str | None = None, app_id: str | None = None) -> GetAppResult:
    """Find the one app of this name, or of this id; exactly one of the two is to be given.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError when there is none, or when
    several have the name.
    """
    if (app_name is None) == (app_id is None):
        raise pulumi.RunError("get_app: give either app_name or app_id")
    arguments = {"app_name": app_name} if app_id is None else {"app_id": app_id}
    wanted = f"named {app_name!r}" if app_id is None else f"with the id {app_id!r}"
    return _result(GetAppResult, _call("getApp", f"finding the app {wanted}", arguments))


def get_app_output(
    *,
    app_name: pulumi.Input[str] | None = None,
    app_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[GetAppResult]:
    """Find one app by its name or its id, as an output. API: GET /service/v1/apps."""
    return _as_output(get_app, {"app_name": app_name, "app_id": app_id})


def get_apps() -> GetAppsResult:
    """List all apps of the organization, also those that Pulumi doesn't manage.

    API: GET /service/v1/apps, once a run. Raises pulumi.RunError.
    """
    answer = _call("getApps", "listing the apps", {})
    return GetAppsResult(apps=[_result(GetAppResult, app) for app in answer.get("apps") or []])


def get_apps_output() -> pulumi.Output[GetAppsResult]:
    """List all apps of the organization, as an output. API: GET /service/v1/apps."""
    return _as_output(get_apps, {})


def get_balance() -> GetBalanceResult:
    """Read the organization's prepaid balance.

    API: GET /service/v1/balance. Raises pulumi.RunError.
    """
    return _result(GetBalanceResult, _call("getBalance", "reading the balance", {}))


def get_balance_output() -> pulumi.Output[GetBalanceResult]:
    """Read the organization's prepaid balance, as an output. API: GET /service/v1/balance."""
    return _as_output(get_balance, {})


def snake_case(name: str) -> str:
    """Return a name in camelCase, such as "orgId", as Python writes it: "org_id"."""
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)


def _call(function: str, action: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call a function such as "getApp" and return its result.

    `action` is what errors of the API say about the call. Raises pulumi.RunError, which Pulumi
    shows as one line.
    """
    mocks = _program.mocks()
    if mocks is not None:
        return _mocked(mocks, function, arguments)
    import_own_modules()
    from parallel_provider.calls import Call, Door, Process, call_function  # noqa: PLC0415 - heavy

    program_run = _program.current()
    program_run.warned.get()
    try:
        call = Call(Process(Door(), run=program_run.run.get()))
        result, problems = call_function(call, function, arguments)
    except LifecycleError as error:
        raise _program.run_error(f"{snake_case(function)}: {error}") from None
    except ParallelError as error:
        raise _program.run_error(f"{action}: {error}") from None
    if problems:
        raise _program.run_error(f"{snake_case(function)}: {'; '.join(problems)}")
    return result


def _mocked(
    mocks: pulumi.runtime.Mocks, function: str, arguments: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what the mocks of a unit test answer for a function.

    They get `parallel:index:FUNCTION` and the arguments in snake_case. Raises pulumi.RunError for
    the failures that they report.
    """
    token = f"parallel:index:{function}"
    answered: Any = mocks.call(MockCallArgs(token=token, args=dict(arguments), provider=""))
    answer, failures = answered if isinstance(answered, tuple) else (answered, None)
    if failures:
        reasons = "; ".join(f"{name} {reason}".strip() for name, reason in failures)
        raise _program.run_error(f"{token}: {reasons}")
    return answer or {}


def _result(kind: Callable[..., Result], answer: Mapping[str, Any]) -> Result:
    """Return the answer as a result class.

    Mocks may answer in snake_case or, as in other languages, in camelCase. They needn't give what
    the test doesn't use: that is None.
    """
    named = {snake_case(name): value for name, value in answer.items()}
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(kind)  # type: ignore[arg-type]
    return kind(**{field.name: named.get(field.name) for field in fields})


def _as_output(
    function: Callable[..., Result], arguments: Mapping[str, pulumi.Input[Any]]
) -> pulumi.Output[Result]:
    """Call a function when its arguments are known, without blocking the program."""
    given = pulumi.Output.from_input(dict(arguments))

    async def called(known: dict[str, Any]) -> Result:
        try:
            return await asyncio.to_thread(function, **known)
        except pulumi.RunError as error:
            if not await given.is_secret():
                raise
            secrets = [value for value in known.values() if isinstance(value, str)]
            raise _program.run_error(masked(str(error), *secrets)) from None

    return given.apply(called)

"""The properties that a resource sends to Pulumi: its inputs, and a place for each output."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Generator, Mapping
from datetime import datetime, timezone
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from parallel_provider.resources import _program
from parallel_provider.sendable import unsendable

# What a user can do instead of an import of a key.
CREATE_INSTEAD = (
    "the API reads no keys, so let this resource create one, and revoke the other in the Parallel "
    "console when nobody uses it any more"
)

_optional_outputs_of: dict[type[Resource], tuple[str, ...]] = {}


def properties(
    kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the properties of a resource whose class annotates its outputs.

    Inputs that are None aren't sent, as each property takes time in every run. Raises
    pulumi.RunError, which Pulumi shows as one line, for values that can't be sent.
    """
    refuse_unsendable(kind, resource_name, inputs)
    _program.current().announce()
    given = {name: value for name, value in inputs.items() if value is not None}
    return {**dict.fromkeys(inspect.get_annotations(kind)), **given}


def refuse_import(
    kind: type[Resource], resource_name: str, opts: pulumi.ResourceOptions | None, instead: str
) -> None:
    """Refuse the option `import_`, which Pulumi doesn't support for dynamic providers.

    Raises pulumi.RunError. Without this, the program ends with the traceback of a KeyError.
    """
    if opts is not None and opts.import_ is not None:
        raise _program.run_error(
            f"{kind.__name__} {resource_name!r}: the option import_ doesn't work with this "
            f"provider: {instead}"
        )


def name_for_messages(
    resource_name: str, name: pulumi.Input[str] | None
) -> pulumi.Input[str | None] | None:
    """Return the name that messages use instead of the input `name`, if that is a secret.

    The provider gets all inputs as plain text and doesn't know which are secrets. None if the name
    is no secret.
    """
    return _IfSecret(name, resource_name) if isinstance(name, pulumi.Output) else None


class _IfSecret:
    """Is the text if the output is a secret, else None. Pulumi awaits it when it sends inputs."""

    def __init__(self, output: pulumi.Output[Any], text: str) -> None:
        self._output = output
        self._text = text

    def __await__(self) -> Generator[Any, Any, str | None]:
        return self._ask().__await__()

    async def _ask(self) -> str | None:
        return self._text if await self._output.is_secret() else None


def none_where_absent(resource: Resource, *, created_marker: str) -> None:
    """Make outputs that the provider leaves out None in a preview too, instead of unknown.

    For the SDK, an output that isn't there isn't known yet. The provider never leaves out
    `created_marker`: if that output is known, all others are known too.
    """
    marker: pulumi.Output[Any] = getattr(resource, created_marker)
    for name in _optional_outputs(type(resource)):
        setattr(resource, name, _known_with(getattr(resource, name), marker))


def _optional_outputs(kind: type[Resource]) -> tuple[str, ...]:
    """Return the outputs that can be None, by their annotations, such as `Output[str | None]`."""
    if kind not in _optional_outputs_of:
        _optional_outputs_of[kind] = tuple(
            name
            for name, annotation in inspect.get_annotations(kind).items()
            if any(
                part is Any or type(None) in typing.get_args(part)
                for part in typing.get_args(annotation)
            )
        )
    return _optional_outputs_of[kind]


def _known_with(output: pulumi.Output[Any], marker: pulumi.Output[Any]) -> pulumi.Output[Any]:
    async def is_known() -> bool:
        return await output.is_known() or await marker.is_known()

    return pulumi.Output(
        output.resources(), output.future(with_unknowns=True), is_known(), output.is_secret()
    )


def utc_time(seconds: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """Return epoch seconds as a UTC time in ISO 8601, such as 2026-11-24T16:48:16Z."""
    return seconds.apply(lambda known: None if known is None else _iso_8601(known))


def _iso_8601(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def snake_case(name: str) -> str:
    """Return a name in camelCase, such as "orgId", as Python writes it: "org_id"."""
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)


def refuse_unsendable(kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]) -> None:
    """Refuse the values that Pulumi can't send as they are, as far as they are known already.

    Raises pulumi.RunError.
    """
    problem = unsendable({"resource_name": resource_name, **inputs})
    if problem is not None:
        raise _program.run_error(f"{kind.__name__} {resource_name!r}: {problem}")

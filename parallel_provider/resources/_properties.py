"""What a resource sends to Pulumi: the inputs that were given, and a place for each output."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from parallel_provider.resources import _program

# In place of an import, for keys.
CREATE_INSTEAD = (
    "the API reads no keys, so let this resource create one, and revoke the other in the Parallel "
    "console when nobody uses it any more"
)

_MAX_INTEGER = 2**53 - 1


def properties(
    kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the properties of a resource whose class annotates its outputs.

    What is None isn't sent: each property costs every run a little. Raises pulumi.RunError, which
    Pulumi prints as one line, for text that can't be sent.
    """
    require_sendable(kind, resource_name, inputs)
    _program.current().announce()
    given = {name: value for name, value in inputs.items() if value is not None}
    return {**dict.fromkeys(inspect.get_annotations(kind)), **given}


def refuse_import(
    kind: type[Resource], resource_name: str, opts: pulumi.ResourceOptions | None, instead: str
) -> None:
    """Refuse the option `import_`, which Pulumi doesn't offer for dynamic providers.

    Raises pulumi.RunError; Pulumi itself would end with the traceback of a KeyError.
    """
    if opts is not None and opts.import_ is not None:
        raise pulumi.RunError(
            f"{kind.__name__} {resource_name!r}: the option import_ doesn't work with this "
            f"provider: {instead}"
        )


def name_for_messages(
    resource_name: str, name: pulumi.Input[str] | None
) -> pulumi.Input[str | None] | None:
    """Return what the provider calls a resource in its messages, where its `name` is a secret.

    The provider gets all inputs as plain text, and can't tell. None where the name is no secret.
    """
    return _IfSecret(name, resource_name) if isinstance(name, pulumi.Output) else None


class _IfSecret:
    """Becomes the text if the output is a secret, else None; asked when Pulumi sends it."""

    def __init__(self, output: pulumi.Output[Any], text: str) -> None:
        self._output = output
        self._text = text

    def __await__(self) -> Generator[Any, Any, str | None]:
        return self._ask().__await__()

    async def _ask(self) -> str | None:
        return self._text if await self._output.is_secret() else None


def none_where_absent(resource: Resource, names: Sequence[str], *, known_by: str) -> None:
    """Let outputs that the provider leaves out be None in a preview too, instead of unknown.

    The SDK takes an output that isn't there for one that isn't known yet. Where `known_by`, which
    the provider never leaves out, is known, the others are as well.
    """
    witness: pulumi.Output[Any] = getattr(resource, known_by)
    for name in names:
        setattr(resource, name, _known_with(getattr(resource, name), witness))


def _known_with(output: pulumi.Output[Any], witness: pulumi.Output[Any]) -> pulumi.Output[Any]:
    async def is_known() -> bool:
        return await output.is_known() or await witness.is_known()

    return pulumi.Output(
        output.resources(), output.future(with_unknowns=True), is_known(), output.is_secret()
    )


def utc_time(seconds: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """Return epoch seconds as a UTC time in ISO 8601, such as 2026-11-24T16:48:16Z."""
    return seconds.apply(lambda known: None if known is None else _iso_8601(known))


def _iso_8601(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_sendable(kind: type[Resource], resource_name: str, inputs: Mapping[str, Any]) -> None:
    """Refuse, in what is known of the inputs already, what Pulumi can't send as it is.

    Half of a surrogate pair: a Python string can hold one, as what comes of undecodable bytes, and
    UTF-8 can't. An integer beyond 2**53: Pulumi sends doubles, so two different ones would arrive
    as one, and one of hundreds of digits ends with pages of frames. Raises pulumi.RunError.
    """
    for name, value in {"the resource's name": resource_name, **inputs}.items():
        if _has_lone_surrogate(value):
            raise pulumi.RunError(
                f"{kind.__name__} {resource_name!r}: {name} holds text that isn't valid Unicode "
                "(a lone surrogate): check how it was decoded"
            )
        if _has_inexact_number(value):
            raise pulumi.RunError(
                f"{kind.__name__} {resource_name!r}: {name} holds an integer beyond {_MAX_INTEGER},"
                " which Pulumi can't send as it is: write it as text"
            )


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, Mapping):
        return any(map(_has_lone_surrogate, (*value, *value.values())))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return any(map(_has_lone_surrogate, value))
    return False


def _has_inexact_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) > _MAX_INTEGER
    if isinstance(value, Mapping):
        return any(map(_has_inexact_number, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return any(map(_has_inexact_number, value))
    return False
